package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"edgecache/proxyhttp"
)

// watcher prints statistics again and again. Everything that it waits for is
// given to it, so that tests need no time.
type watcher struct {
	s      *screen
	fetch  func(context.Context) (*proxyhttp.Stats, error)
	ticks  <-chan time.Time
	now    func() time.Time
	errs   io.Writer
	asJSON bool

	last   *proxyhttp.Stats // nil: none to compare with
	lastAt time.Time
	news   string // on a terminal: what happened to the server
	gone   bool
}

const (
	clearScreen = "\x1b[H\x1b[2J\x1b[3J"
	hideCursor  = "\x1b[?25l"
	showCursor  = "\x1b[?25h"
)

// run goes on until ctx ends, which is no failure. A server that does not
// answer at the first try is: then nobody is there to watch.
func (w *watcher) run(ctx context.Context) error {
	redraw := w.s.terminal && !w.asJSON
	if redraw {
		fmt.Fprint(w.s, hideCursor)
		defer fmt.Fprint(w.s, showCursor)
	}
	for first := true; ; first = false {
		st, err := w.fetch(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && (first || !isAbsent(err)):
			return err
		case err != nil:
			w.lost(err)
		default:
			w.found(st)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.ticks:
		}
	}
}

// lost says once that no answer came, and forgets what it had: the rates of a
// new server have nothing to do with it.
func (w *watcher) lost(err error) {
	if w.gone {
		return
	}
	w.gone = true
	w.say(firstLine(withoutPrefix(err)) + "; trying again")
}

func (w *watcher) found(st *proxyhttp.Stats) {
	at := w.now()
	restarted := w.last != nil && uptime(st) < uptime(w.last)
	if restarted {
		w.last = nil
	}
	gone := w.gone
	w.gone = false
	switch {
	case gone && restarted:
		w.say("it answers again: the server was restarted")
	case restarted:
		w.say("the server was restarted")
	case gone:
		w.say("it answers again")
	}
	w.print(st, at)
	w.last, w.lastAt = st, at
}

func uptime(st *proxyhttp.Stats) time.Duration {
	d, err := time.ParseDuration(st.Uptime)
	if err != nil {
		return 0
	}
	return d
}

// say tells news: in the picture, or as a line of its own.
func (w *watcher) say(text string) {
	line := w.now().Format(time.TimeOnly) + "  " + plain(text)
	switch {
	case w.asJSON:
		fmt.Fprintln(w.errs, line)
	case w.s.terminal:
		w.news = line
		if w.gone {
			w.s.line("", w.s.in(yellow, line))
		}
	default:
		w.s.line("", line)
	}
}

func (w *watcher) print(st *proxyhttp.Stats, at time.Time) {
	switch {
	case w.asJSON:
		if data, err := json.Marshal(st); err == nil { // it was JSON just before
			fmt.Fprintf(w.s, "%s\n", data)
		}
	case w.s.terminal:
		fmt.Fprint(w.s, clearScreen)
		w.s.line("", w.s.in(dim, at.Format(time.TimeOnly)+"  EdgeCache "+plain(st.Version)+", up "+plain(st.Uptime)))
		if w.news != "" {
			w.s.line("", w.s.in(yellow, w.news))
		}
		w.s.line("", "")
		printStats(w.s, st, w.last, at.Sub(w.lastAt))
	default:
		w.line(st, at)
	}
}

// line is a tick where no terminal is.
func (w *watcher) line(st *proxyhttp.Stats, at time.Time) {
	g, all := st.Graph, totalsOf(st)
	reads, writes, affected := "-", "-", "-"
	hits := ratio(all.hits, all.reads)
	if w.last != nil {
		apart, d := at.Sub(w.lastAt), all.minus(totalsOf(w.last))
		hits = ratio(d.hits, d.reads)
		reads, writes = rate(d.reads, apart), rate(d.writes, apart)
		affected = rate(g.Affected-w.last.Graph.Affected, apart)
	}
	w.s.line("", fmt.Sprintf("%s  hit ratio %s  reads/s %s  writes/s %s  affected/s %s  entries %s  memory %s  queue %s",
		at.Format(time.TimeOnly), hits, reads, writes, affected, count(int64(g.Entries)), bytesText(g.Bytes), count(int64(st.Queue.Length))))
}
