package proxyhttp_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"edgecache/fixtures/shop"
	"edgecache/proxyhttp"
	"edgecache/proxyhttp/config"
)

// The demo is as good as it can be.
func TestNoAdviceOnTheShop(t *testing.T) {
	dir := t.TempDir()
	if err := shop.WriteTo(dir); err != nil {
		t.Fatal(err)
	}
	cfg, mistakes := config.Load(filepath.Join(dir, "shop.yaml"), func(string) (string, bool) { return "", false })
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	o, err := proxyhttp.OpenOffline(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range o.Check(t.Context()).Endpoints {
		for _, a := range e.Advice {
			t.Errorf("%s: %s", e.Name, a.Text)
		}
	}
	if err := o.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
