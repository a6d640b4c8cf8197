package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"edgecache/depgraph"
	"edgecache/proxyhttp"
	"edgecache/rehydrate"
)

// reading is a tick of a server: so long up, so many hits, misses and writes.
func reading(up string, hits, misses, writes int64) *proxyhttp.Stats {
	return &proxyhttp.Stats{
		Version: "v1", Uptime: up,
		Graph: proxyhttp.GraphStats{Stats: depgraph.Stats{Entries: 3, Bytes: 2048, Writes: writes, Affected: 2 * writes,
			SparedBy: map[depgraph.Rule]int64{depgraph.RulePredicate: 5 * writes}}},
		Queue: proxyhttp.QueueStats{QueueStats: rehydrate.QueueStats{Length: 1}},
		Endpoints: []proxyhttp.EndpointStats{
			{Name: "quiet", Results: map[string]int64{"write": writes}},
			{Name: "busy", Results: map[string]int64{"hit": hits, "miss": misses}},
		},
	}
}

// watched runs a watcher over answers, two seconds apart, and stops it as
// Ctrl-C does. An answer is a *proxyhttp.Stats or an error.
func watched(t *testing.T, s *screen, asJSON bool, answers ...any) (out, errs string, err error) {
	t.Helper()
	var b, e bytes.Buffer
	s.Writer = &b
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ticks := make(chan time.Time)
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	n := 0
	w := &watcher{s: s, ticks: ticks, errs: &e, asJSON: asJSON,
		now: func() time.Time { return at.Add(time.Duration(n-1) * 2 * time.Second) },
		fetch: func(ctx context.Context) (*proxyhttp.Stats, error) {
			if n == len(answers) {
				stop() // Ctrl-C while an answer is waited for
				return nil, failure(ctx.Err())
			}
			n++
			switch a := answers[n-1].(type) {
			case *proxyhttp.Stats:
				return a, nil
			case error:
				return nil, a
			}
			return nil, errors.New("no such answer")
		}}
	done := make(chan error)
	go func() { done <- w.run(ctx) }()
	for {
		select {
		case err := <-done:
			return b.String(), e.String(), err
		case ticks <- at:
		}
	}
}

var gone = withCode(exitAbsent, errors.New("edgecache: no answer from http://x: nothing listens there\nStart one"))

func TestWatchByLines(t *testing.T) {
	out, _, err := watched(t, &screen{}, false, reading("10s", 10, 10, 1), reading("12s", 29, 11, 2), gone, gone, reading("1s", 1, 1, 0), reading("3s", 4, 2, 0), gone, reading("7s", 4, 2, 0))
	want := `03:04:05  hit ratio 50.0 %  reads/s -  writes/s -  affected/s -  entries 3  memory 2048 B  queue 1
03:04:07  hit ratio 95.0 %  reads/s 10  writes/s 0.5  affected/s 1  entries 3  memory 2048 B  queue 1
03:04:09  no answer from http://x: nothing listens there; trying again
03:04:13  it answers again: the server was restarted
03:04:13  hit ratio 50.0 %  reads/s -  writes/s -  affected/s -  entries 3  memory 2048 B  queue 1
03:04:15  hit ratio 75.0 %  reads/s 2  writes/s 0  affected/s 0  entries 3  memory 2048 B  queue 1
03:04:17  no answer from http://x: nothing listens there; trying again
03:04:19  it answers again
03:04:19  hit ratio -  reads/s 0  writes/s 0  affected/s 0  entries 3  memory 2048 B  queue 1
`
	if err != nil || out != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
}

func TestWatchOnATerminal(t *testing.T) {
	out, _, err := watched(t, &screen{terminal: true, width: 100}, false, reading("10s", 10, 10, 1), reading("12s", 29, 11, 2), gone, reading("1s", 1, 1, 0))
	if err != nil || !strings.HasPrefix(out, hideCursor) || !strings.HasSuffix(out, showCursor) {
		t.Fatalf("%v: %q", err, out)
	}
	pictures := strings.Split(strings.TrimSuffix(out, showCursor), clearScreen)
	if len(pictures) != 4 {
		t.Fatalf("%d pictures: %q", len(pictures), out)
	}
	second := `03:04:07  EdgeCache v1, up 12s

hit ratio  95.0 % now, 72.5 % since start
reads      40 (10/s), hits 29 (9.5/s)
entries    3 in 2048 B; 0 suspended, 0 stale, 0 evicted (0/s)
writes     2 (0.5/s) affected 4 (1/s) responses; 0 fills overtaken
spared     10 (2.5/s) by predicate
refills    1 waiting, oldest 0s; 0 done (0/s), 0 failed, 0 dropped

ENDPOINT  REQUESTS  /S   HIT RATIO  HITS  MISSES  STALE  REQUESTED  BYPASSED  WRITES
busy      40        10   72.5 %     29    11      0      0          0         0
quiet     2         0.5  -          0     0       0      0          0         2
03:04:09  no answer from http://x: nothing listens there; trying again
`
	if pictures[2] != second {
		t.Errorf("%s\nwant\n%s", pictures[2], second)
	}
	if !strings.Contains(pictures[3], "03:04:11  it answers again: the server was restarted\n") || strings.Contains(pictures[3], "now") {
		t.Error(pictures[3])
	}
}

func TestWatchAsJSON(t *testing.T) {
	out, errs, err := watched(t, &screen{terminal: true}, true, reading("10s", 1, 1, 1), gone, reading("14s", 2, 1, 1))
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err != nil || len(lines) != 2 || !strings.Contains(errs, "03:04:07  no answer") || !strings.Contains(errs, "03:04:09  it answers again\n") {
		t.Fatalf("%v: %s%s", err, out, errs)
	}
	for _, l := range lines {
		if !json.Valid([]byte(l)) {
			t.Error(l)
		}
	}
}

// Nobody is there to watch, or the server refuses: that is an end.
func TestWatchEnds(t *testing.T) {
	for _, first := range []error{gone, withCode(exitToken, errors.New("a token"))} {
		if _, _, err := watched(t, &screen{}, false, first); err == nil {
			t.Error("no error")
		}
	}
	if _, _, err := watched(t, &screen{}, false, reading("1s", 1, 1, 1), withCode(exitToken, errors.New("a token"))); err == nil {
		t.Error("no error")
	}
}
