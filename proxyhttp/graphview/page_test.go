package graphview

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPageIsSelfContained: one file, within bounds, that names no other.
func TestPageIsSelfContained(t *testing.T) {
	page := strings.Replace(string(Page), "http://www.w3.org/2000/svg", "", 1) // a name, not an address
	if len(page) > 80<<10 {
		t.Errorf("the page has %d bytes", len(page))
	}
	if strings.Contains(page, "/*script*/") || strings.Contains(page, "/*style*/") {
		t.Error("a part is missing")
	}
	for _, outside := range []string{`src=`, `url\(`, `@import`, `https?://[a-z]`, `import\(`} {
		if found := regexp.MustCompile(outside).FindString(page); found != "" {
			t.Errorf("the page refers to %s", found)
		}
	}
	for _, tag := range []string{"script", "style"} {
		if strings.Count(page, "<"+tag+">") != 1 || strings.Count(page, "</"+tag+">") != 1 {
			t.Errorf("the page has not exactly one %s", tag)
		}
	}
}

// TestPageParsesNoHTML: the script has no way to make HTML of a string. The
// policy forbids it as well; this names the line.
func TestPageParsesNoHTML(t *testing.T) {
	files, err := fs.Glob(assets, "assets/*.js")
	if err != nil {
		t.Fatal(err)
	}
	sink := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser|createContextualFragment|setHTML|srcdoc|\.href\b|javascript:`)
	for _, f := range files {
		name := strings.TrimPrefix(f, "assets/")
		if !slices.Contains(scripts, name) {
			t.Errorf("%s is not part of the page", name)
		}
		for i, line := range strings.Split(asset(name), "\n") {
			if found := sink.FindString(line); found != "" {
				t.Errorf("%s:%d: %s; make text nodes with el", name, i+1, found)
			}
		}
	}
	if len(files) != len(scripts) {
		t.Errorf("%d scripts, %d files", len(scripts), len(files))
	}
}

// TestPagePolicyAllowsThePage holds the digests against what is served.
func TestPagePolicyAllowsThePage(t *testing.T) {
	for tag, directive := range map[string]string{"script": "script-src ", "style": "style-src "} {
		_, rest, _ := strings.Cut(string(Page), "<"+tag+">")
		text, _, _ := strings.Cut(rest, "</"+tag+">")
		if !strings.Contains(PagePolicy, directive+digest(text)) {
			t.Errorf("the policy does not allow the page's %s", tag)
		}
	}
	for _, want := range []string{"default-src 'none'", "connect-src 'self'", "require-trusted-types-for 'script'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(PagePolicy, want) {
			t.Errorf("the policy lacks %s", want)
		}
	}
	if strings.Contains(PagePolicy, "unsafe") {
		t.Errorf("the policy is %s", PagePolicy)
	}
}
