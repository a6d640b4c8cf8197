//go:build browser

// Package browsertest tries the page of /debug/graph in a headless Chromium,
// against a server of the shop: `make test-browser`. Screenshots go to the
// folder that the test prints, or to $EDGECACHE_SCREENSHOTS.
package browsertest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"edgecache/fixtures/shop"
	"edgecache/proxyhttp"
	"edgecache/proxyhttp/config"
)

// server is the shop, served.
type server struct{ data, control string }

// serve serves the shop with token, and more endpoints where given.
func serve(t *testing.T, token, endpoints string) *server {
	t.Helper()
	dir := t.TempDir()
	if err := shop.WriteTo(dir); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "shop.yaml")
	if err := os.WriteFile(file, []byte(shop.Config+endpoints), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, mistakes := config.Load(file, func(name string) (string, bool) {
		if name != "EDGECACHE_TOKEN" || token == "" {
			return "", false
		}
		return token, true
	})
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	s, err := proxyhttp.New(t.Context(), proxyhttp.Options{Config: cfg, Log: slog.New(slog.DiscardHandler), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	data, control := httptest.NewServer(s.Data()), httptest.NewServer(s.Control())
	t.Cleanup(func() {
		data.Close()
		control.Close()
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &server{data.URL, control.URL}
}

// do calls the data plane.
func (s *server) do(t *testing.T, method, path, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.data+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() // read only
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode >= 400 && res.StatusCode != 404 {
		t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, b)
	}
	return string(b)
}

// fill makes some twenty entries of many kinds.
func (s *server) fill(t *testing.T) {
	t.Helper()
	for _, path := range []string{
		"/v1/users?firstName=Lane&limit=3", "/v1/users?city=Bern", "/v1/users?id=123*", "/v1/users",
		"/v1/users/123-abc", "/v1/users/100-abc", "/v1/users/101-def", "/v1/users/999-none",
		"/v1/usersWithOrders?firstName=Lane", "/v1/usersWithOrders?status=paid&limit=5",
		"/v1/users/123-abc/orders", "/v1/users/123-abc/totals", "/v1/users/100-abc/totals", "/v1/orderTotals?userId=123-abc",
		"/v1/products?category=books&minPrice=200&maxPrice=5000", "/v1/products?sort=-price", "/v1/products/4", "/v1/products/7",
		"/v1/orders/12", "/v1/orders/12/items", "/v1/stores?south=45&north=47&west=4&east=8",
	} {
		s.do(t, "GET", path, "")
	}
}

// tab is a browser's tab with all that it complained about.
type tab struct {
	t      *testing.T
	ctx    context.Context
	server *server

	mu     sync.Mutex
	errors []string
}

// open starts a browser of its own and opens the graph's page with a query.
func open(t *testing.T, s *server, query string) *tab {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Fatal("no Chromium is installed: this test was asked for, so it fails; make test-browser installs it where it may")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.WindowSize(1480, 1000))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancelTab := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		cancelTab()
		cancel()
	})
	b := &tab{t: t, ctx: ctx, server: s}
	b.run() // starts the browser, which lives as long as this context
	ctx, cancelTime := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancelTime)
	b.ctx = ctx
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	b.visit("/debug/graph?format=html" + query)
	return b
}

// hear notes all that a user would see in the browser's console.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch ev := event.(type) {
	case *runtime.EventExceptionThrown:
		what := ev.ExceptionDetails.Text
		if e := ev.ExceptionDetails.Exception; e != nil {
			what += " " + e.Description
		}
		b.errors = append(b.errors, what)
	case *runtime.EventConsoleAPICalled:
		b.errors = append(b.errors, "console."+string(ev.Type))
	case *log.EventEntryAdded:
		b.errors = append(b.errors, string(ev.Entry.Source)+": "+ev.Entry.Text)
	}
}

// quiet demands that nothing was complained about but what is expected.
func (b *tab) quiet(expected ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
next:
	for _, e := range b.errors {
		for _, x := range expected {
			if strings.Contains(e, x) {
				continue next
			}
		}
		b.t.Errorf("the browser complains: %s", e)
	}
}

func (b *tab) run(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.shoot("failed-" + b.t.Name())
		b.t.Fatal(err)
	}
}

// visit opens a page of the control plane.
func (b *tab) visit(path string) { b.t.Helper(); b.run(chromedp.Navigate(b.server.control + path)) }

func (b *tab) click(selector string) { b.t.Helper(); b.run(chromedp.Click(chromedp.CSS(selector))) }

func (b *tab) keys(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		b.run(chromedp.KeyEvent(k))
	}
}

// perform runs a statement in the page.
func (b *tab) perform(statement string) {
	b.t.Helper()
	b.run(chromedp.Evaluate[chromedp.Void](statement))
}

// js evaluates an expression in the page.
func js[T any](b *tab, expression string) T {
	b.t.Helper()
	out, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.shoot("failed-" + b.t.Name())
		b.t.Fatalf("%s: %v", expression, err)
	}
	return out
}

// wait waits until an expression is true, looked at in every frame.
func (b *tab) wait(expression string) {
	b.t.Helper()
	if !js[bool](b, `new Promise((done) => {
		const end = performance.now() + 20000;
		const look = () => {
			let v = false;
			try { v = Boolean(`+expression+`) } catch { }
			if (v || performance.now() > end) done(v); else requestAnimationFrame(look);
		};
		look();
	})`) {
		b.shoot("failed-" + b.t.Name())
		b.t.Fatalf("not within 20 s: %s\n%s\n%s", expression, js[string](b, "document.body.innerText.slice(0, 2000)"), b.errors)
	}
}

// clickText clicks the button of a selector that has a text.
func (b *tab) clickText(selector, text string) {
	b.t.Helper()
	find := fmt.Sprintf("[...document.querySelectorAll(%q)].find((n) => n.textContent.includes(%q))", selector, text)
	b.wait(find)
	b.perform("(" + find + ").click()")
}

// typeIn replaces what stands in a field, letter by letter.
func (b *tab) typeIn(selector, text string) {
	b.t.Helper()
	b.perform(fmt.Sprintf("document.querySelector(%q).select()", selector))
	b.run(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// choose takes an option of a select.
func (b *tab) choose(selector, value string) {
	b.t.Helper()
	b.perform(fmt.Sprintf("{ const s = document.querySelector(%q); s.value = %q; s.dispatchEvent(new Event('change', {bubbles: true})); }", selector, value))
}

var screenshots = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv("EDGECACHE_SCREENSHOTS"); dir != "" {
		return dir, os.MkdirAll(dir, 0o755)
	}
	return os.MkdirTemp("", "edgecache-graph-")
})

func (b *tab) shoot(name string) {
	b.t.Helper()
	dir, err := screenshots()
	if err != nil {
		b.t.Fatal(err)
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Log(err)
		return
	}
	file := filepath.Join(dir, name+".png")
	if err := os.WriteFile(file, png, 0o644); err != nil {
		b.t.Fatal(err)
	}
	b.t.Log("screenshot: " + file)
}

func (b *tab) resize(width, height int64) {
	b.t.Helper()
	b.run(chromedp.EmulateViewport(width, height))
}

func (b *tab) dark(on bool) {
	b.t.Helper()
	theme := "light"
	if on {
		theme = "dark"
	}
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
	if err != nil {
		b.t.Fatal(err)
	}
}
