package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"edgecache/proxyhttp"
)

// leastInterval keeps a watcher from being a load.
const leastInterval = 100 * time.Millisecond

func statsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "stats", Short: "Hit ratio, entries, memory, invalidations, refills", Args: cobra.NoArgs,
		Long: "Print what a running server did since its start. --watch goes on: on a terminal the screen is drawn\n" +
			"anew, elsewhere each tick is a line, with --json a line of JSON. Ctrl-C ends it. A server that stops\n" +
			"answering is waited for.",
	}
	watch := cmd.Flags().Bool("watch", false, "go on until Ctrl-C, with rates")
	interval := cmd.Flags().Duration("interval", time.Second, "with --watch: time between ticks")
	asJSON := jsonFlag(cmd)
	c := clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := newScreen(cmd)
		if err != nil {
			return err
		}
		if *interval < leastInterval {
			return fmt.Errorf("--interval is at least %s", leastInterval)
		}
		fetch := func(ctx context.Context) (*proxyhttp.Stats, error) {
			st := &proxyhttp.Stats{}
			return st, c.call(ctx, http.MethodGet, "/v1/stats", nil, st)
		}
		if *watch {
			t := time.NewTicker(*interval)
			defer t.Stop()
			w := &watcher{s: s, fetch: fetch, ticks: t.C, now: time.Now, errs: cmd.ErrOrStderr(), asJSON: *asJSON}
			return w.run(cmd.Context())
		}
		st, err := fetch(cmd.Context())
		switch {
		case err != nil:
			return err
		case *asJSON:
			return failure(printJSON(s, st))
		}
		printStats(s, st, nil, 0)
		return nil
	}
	return cmd
}

// requests counts what clients asked; writes are requests too.
func requests(e proxyhttp.EndpointStats) (n int64) {
	for _, r := range e.Results {
		n += r
	}
	return n
}

// totals sums what the endpoints count.
type totals struct{ hits, reads, writes int64 }

func totalsOf(st *proxyhttp.Stats) (t totals) {
	for _, e := range st.Endpoints {
		t.hits += e.Results["hit"]
		t.writes += e.Results["write"]
		t.reads += requests(e) - e.Results["write"]
	}
	return t
}

func (t totals) minus(o totals) totals {
	return totals{t.hits - o.hits, t.reads - o.reads, t.writes - o.writes}
}

// printStats prints one reading; before is an earlier one, for rates, or nil.
func printStats(s *screen, st, before *proxyhttp.Stats, apart time.Duration) {
	g, q, all := st.Graph, st.Queue, totalsOf(st)
	per := func(now, then int64) string { return "" }
	ratioText := ratio(all.hits, all.reads) + " since start"
	if before != nil {
		per = func(now, then int64) string { return " (" + rate(now-then, apart) + "/s)" }
		last := all.minus(totalsOf(before))
		ratioText = ratio(last.hits, last.reads) + " now, " + ratioText
	} else {
		before = st
	}
	b, old := before.Graph, totalsOf(before)
	t := &table{s: s}
	t.row(s.in(bold, "hit ratio"), ratioText)
	t.row(s.in(bold, "reads"), count(all.reads)+per(all.reads, old.reads)+", hits "+count(all.hits)+per(all.hits, old.hits))
	t.row(s.in(bold, "entries"), count(int64(g.Entries))+" in "+bytesText(g.Bytes)+"; "+count(int64(g.Suspended))+" suspended, "+count(int64(g.Stale))+" stale, "+count(g.Evictions)+" evicted"+per(g.Evictions, b.Evictions))
	t.row(s.in(bold, "writes"), count(g.Writes)+per(g.Writes, b.Writes)+" affected "+count(g.Affected)+per(g.Affected, b.Affected)+" responses; "+count(g.Overtaken)+" fills overtaken")
	t.row(s.in(bold, "spared"), sparedText(st, before, per))
	t.row(s.in(bold, "refills"), fmt.Sprintf("%s waiting, oldest %s; %s done%s, %s failed, %s dropped", count(int64(q.Length)), q.OldestAge.Round(time.Millisecond),
		count(q.Done), per(q.Done, before.Queue.Done), count(q.Failed), count(q.Overflowed)))
	for _, l := range st.Lost {
		t.row(s.in(yellow, "lost"), fmt.Sprintf("%s of %s with an unknown outcome, the oldest for %s", sum(l.Open, "write"), plain(l.Source), (time.Duration(l.OldestSeconds*float64(time.Second)))))
	}
	if g.Alarms > 0 {
		t.row(s.in(red, "alarms"), count(g.Alarms)+": this is a bug; please report it with the log")
	}
	t.print()
	s.line("", "")
	printEndpointStats(s, st, before, apart)
}

func sparedText(st, before *proxyhttp.Stats, per func(now, then int64) string) string {
	var parts []string
	for _, rule := range ruleOrder {
		if n, ok := valueOf(st, rule); ok && n > 0 {
			old, _ := valueOf(before, rule)
			parts = append(parts, count(n)+per(n, old)+" by "+rule)
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// valueOf is what a rule spared.
func valueOf(st *proxyhttp.Stats, rule string) (int64, bool) {
	for r, n := range st.Graph.SparedBy {
		if string(r) == rule {
			return n, true
		}
	}
	return 0, false
}

// printEndpointStats prints a line an endpoint, the busiest first.
func printEndpointStats(s *screen, st, before *proxyhttp.Stats, apart time.Duration) {
	old := map[string]proxyhttp.EndpointStats{}
	for _, e := range before.Endpoints {
		old[e.Name] = e
	}
	list := slices.Clone(st.Endpoints)
	slices.SortStableFunc(list, func(a, b proxyhttp.EndpointStats) int {
		return cmp.Or(cmp.Compare(requests(b), requests(a)), cmp.Compare(a.Name, b.Name))
	})
	t := &table{s: s}
	names := []string{"ENDPOINT", "REQUESTS", "HIT RATIO", "HITS", "MISSES", "STALE", "REQUESTED", "BYPASSED", "WRITES"}
	if before != st {
		names = slices.Insert(names, 2, "/S")
	}
	t.head(names...)
	for _, e := range list {
		r := e.Results
		cells := []string{plain(e.Name), count(requests(e)), ratio(r["hit"], requests(e)-r["write"]), count(r["hit"]), count(r["miss"]), count(r["stale"]), count(r["request"]), count(r["bypass"]), count(r["write"])}
		if before != st {
			cells = slices.Insert(cells, 2, rate(requests(e)-requests(old[e.Name]), apart))
		}
		t.row(cells...)
	}
	t.print()
}

func ratio(part, whole int64) string {
	if whole <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}

// rate is so many a second.
func rate(n int64, apart time.Duration) string {
	if apart <= 0 {
		return "-"
	}
	r := float64(n) / apart.Seconds()
	if r < 10 && r != float64(int64(r)) {
		return strconv.FormatFloat(r, 'f', 1, 64)
	}
	return count(int64(r + 0.5))
}

// count prints a number with its thousands apart.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
