package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// client talks to the control plane of a running server.
type client struct {
	server, token *string
	timeout       *time.Duration
}

const defaultServer = "http://127.0.0.1:8081"

func clientFlags(cmd *cobra.Command) client {
	server := os.Getenv("EDGECACHE_SERVER")
	if server == "" {
		server = defaultServer
	}
	c := client{
		server:  cmd.Flags().String("server", server, "control plane of a running server, also from $EDGECACHE_SERVER"),
		token:   cmd.Flags().String("token", "", "its token, also from $EDGECACHE_TOKEN"),
		timeout: cmd.Flags().Duration("timeout", 30*time.Second, "wait so long for an answer"),
	}
	_ = cmd.RegisterFlagCompletionFunc("server", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("token", cobra.NoFileCompletions)
	return c
}

// secret is the token: the flag, else the environment. It is no default of the
// flag, which --help would print.
func (c client) secret() string {
	if *c.token != "" {
		return *c.token
	}
	return os.Getenv("EDGECACHE_TOKEN")
}

// maxAnswer bounds what is read of one answer.
const maxAnswer = 64 << 20

// reply is one answer of the server.
type reply struct {
	path   string // that was asked
	status int
	header http.Header
	body   []byte
}

// call sends body, when not nil, and decodes the answer into out, when not nil.
func (c client) call(ctx context.Context, method, path string, body []byte, out any) error {
	r, err := c.ask(ctx, method, path, body)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(r.body, out); err != nil {
		return c.stranger("what it says to " + path + " cannot be read: " + err.Error())
	}
	return nil
}

// ask sends one request and gives back a 2xx answer of a control plane.
// Everything else is an error that says what to do.
func (c client) ask(ctx context.Context, method, path string, body []byte) (*reply, error) {
	base, err := url.Parse(*c.server)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("--server must be a URL such as %s, not %q", defaultServer, *c.server)
	}
	ctx, cancel := context.WithTimeout(ctx, *c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(*c.server, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, failure(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token := c.secret(); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := hangUp.Do(req)
	if err != nil {
		return nil, c.silent(ctx, err)
	}
	defer res.Body.Close() // read only
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, c.silent(ctx, fmt.Errorf("the answer broke off: %w", err))
	case len(data) > maxAnswer:
		return nil, failure(fmt.Errorf("edgecache: the answer of %s is larger than %d MiB; ask for less with --limit or a filter", c.shown(), maxAnswer>>20))
	}
	r := &reply{req.URL.EscapedPath(), res.StatusCode, res.Header, data}
	if res.StatusCode/100 != 2 || fromDataPlane(r) {
		return nil, c.refused(r)
	}
	return r, nil
}

// hangUp follows no redirect: a control plane gives none, and the token is for
// nobody else. It keeps no connection, so that a server that was restarted is
// found again.
var hangUp = &http.Client{
	Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, TLSHandshakeTimeout: 10 * time.Second},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// shown is the server's address without a password that may be in it.
func (c client) shown() string {
	u, err := url.Parse(*c.server)
	if err != nil {
		return "the server"
	}
	return u.Redacted()
}

// isAbsent tells that no server answered, which may be otherwise soon.
func isAbsent(err error) bool {
	var e *exitError
	return errors.As(err, &e) && e.code == exitAbsent
}
