package proxyhttp

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/dunglas/httpsfv"
)

func TestIfNoneMatch(t *testing.T) {
	for _, c := range []struct {
		headers []string
		want    bool
	}{
		{nil, false},
		{[]string{`"abc"`}, true},
		{[]string{`W/"abc"`}, true},
		{[]string{`*`}, true},
		{[]string{`"x", "abc"`}, true},
		{[]string{`"x",W/"y" , W/"abc"`}, true},
		{[]string{`"x"`, `"abc"`}, true},
		{[]string{`"x", "ab"`}, false},
		{[]string{`abc`}, false},
		{[]string{`"abc`}, false},
		{[]string{`"a,b", "abc"`}, true},
		{[]string{``, `,`}, false},
	} {
		if got := matchesETag(c.headers, `"abc"`); got != c.want {
			t.Errorf("%q: got %v", c.headers, got)
		}
	}
}

// Every Cache-Status that the package writes is a structured field.
func TestCacheStatusParses(t *testing.T) {
	for _, v := range []string{
		statusHit(3600 * time.Second), statusHit(-time.Second), statusForward("uri-miss", ""), statusForward("stale", ""),
		statusForward("request", ""), statusForward("bypass", "NONDETERMINISTIC"), statusForward("stale", "TOO-LARGE"),
	} {
		if _, err := httpsfv.UnmarshalList([]string{v}); err != nil {
			t.Errorf("%s: %v", v, err)
		}
	}
}

func TestMaxAgeCountsFromNow(t *testing.T) {
	w := httptest.NewRecorder()
	delivery{response: newResponse([]byte("[]\n")), cacheStatus: "x", age: 90 * time.Second, clientTTL: time.Minute}.write(w, httptest.NewRequest("GET", "/", nil))
	if got := w.Header().Get("Cache-Control"); got != "max-age=150" || w.Header().Get("Age") != "90" {
		t.Errorf("got %q, Age %s", got, w.Header().Get("Age"))
	}
}

func TestRequestNoCache(t *testing.T) {
	for v, want := range map[string]bool{"": false, "no-cache": true, "max-age=0, No-Cache": true, "no-cached": false, "no-cache=x": true} {
		if got := asksAgain(http.Header{"Cache-Control": {v}}); got != want {
			t.Errorf("%q: got %v", v, got)
		}
	}
}

func TestShortDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{time.Hour: "1h", 90 * time.Minute: "1h30m", 30 * time.Second: "30s", 10 * time.Minute: "10m", 24 * time.Hour: "24h", time.Millisecond: "1ms", 100 * time.Second: "1m40s"} {
		if got := shortDuration(d); got != want {
			t.Errorf("%v: got %s", d, got)
		}
	}
}
