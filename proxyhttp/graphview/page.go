package graphview

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"strings"
)

//go:embed assets
var assets embed.FS

// scripts make up the page's script, in this order. They share one scope and
// need no loader.
var scripts = []string{"dom.js", "text.js", "api.js", "model.js", "details.js", "cards.js", "edges.js", "write.js", "keys.js", "main.js"}

// Page is the page of /debug/graph: one file, the same for everybody.
var Page []byte

// PagePolicy is its Content-Security-Policy. Its own style and script are
// allowed by their digest and nothing else is; the script talks only to where
// the page came from; and no string can become HTML or code, for the browser
// refuses to parse any.
var PagePolicy string

func init() {
	style := asset("page.css")
	var script strings.Builder
	script.WriteString("'use strict';\n")
	for _, name := range scripts {
		script.WriteString(asset(name))
	}
	Page = []byte(strings.NewReplacer("/*style*/", style, "/*script*/", script.String()).Replace(asset("page.html")))
	PagePolicy = strings.Join([]string{
		"default-src 'none'",
		"script-src " + digest(script.String()),
		"style-src " + digest(style),
		"connect-src 'self'",
		"img-src data:",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
		"require-trusted-types-for 'script'",
		"trusted-types 'none'",
	}, "; ")
}

// asset reads an embedded file; that it is there is known when this compiles
// and any test runs.
func asset(name string) string {
	b, err := assets.ReadFile("assets/" + name)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// digest is a source expression that allows exactly this text.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
