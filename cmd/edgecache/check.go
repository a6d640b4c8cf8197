package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"edgecache/proxyhttp"
)

func checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "check -c FILE", Short: "Validate a configuration without serving", Args: cobra.NoArgs,
		Long: "Validate a configuration against its databases without serving it, and tell for each endpoint what\n" +
			"it reads, how precisely writes will be matched with it, and why not better. Advice stands where a\n" +
			"small change of the SQL, or an index, would make that more precise or cheaper.",
	}
	file := configFlag(cmd)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := newScreen(cmd)
		if err != nil {
			return err
		}
		return withOffline(cmd.Context(), *file, func(o *proxyhttp.Offline) error {
			checked := o.Check(cmd.Context())
			if *asJSON {
				return printJSON(s, checked)
			}
			printChecked(s, checked)
			return nil
		})
	}
	return cmd
}

// withOffline compiles a configuration, uses it and cleans up.
func withOffline(ctx context.Context, file string, use func(*proxyhttp.Offline) error) error {
	cfg, err := loadConfig(ctx, file)
	if err != nil {
		return err
	}
	o, err := proxyhttp.OpenOffline(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return asMistakes(err)
	}
	return failure(errors.Join(use(o), o.Close(ctx)))
}

// printChecked prints a row an endpoint; what is to be said about one stands
// below it.
func printChecked(s *screen, c *proxyhttp.Checked) {
	for _, v := range c.Sources {
		s.line("", "source "+plain(v.String()))
	}
	s.line("", "")
	for _, n := range c.Notes {
		s.line("", s.in(yellow, "note: ")+plain(n))
	}
	if len(c.Notes) > 0 {
		s.line("", "")
	}
	t := &table{s: s}
	t.head("ENDPOINT", "ROUTE", "TABLES", "PRECISION", "WINDOW")
	advice := 0
	for _, e := range c.Endpoints {
		for i, st := range statementsOf(e) {
			name, route := s.in(bold, plain(e.Name)), plain(e.Route)
			if i > 0 {
				name, route = "", ""
			}
			if st.Variant != "" {
				route = strings.TrimPrefix(route+"\n", "\n") + "with " + plain(st.Variant)
			}
			t.row(name, route, tablesCell(st), precisionCell(s, e, st), windowCell(st))
			for _, n := range st.Notes {
				t.under(s.in(dim, "note: ") + plain(n))
			}
		}
		if e.Uncached != "" {
			t.under(s.in(yellow, "not cached: ") + plain(e.Uncached))
		}
		for _, n := range e.Notes {
			t.under(s.in(dim, "note: ") + plain(n))
		}
		for _, a := range e.Advice {
			t.under(s.in(cyan, "advice: ") + plain(a.Text))
		}
		advice += len(e.Advice)
	}
	t.print()
	s.line("", "")
	end := sum(len(c.Endpoints), "endpoint") + ", no mistakes"
	if advice > 0 {
		end += ", " + sum(advice, "piece") + " of advice"
	}
	s.line("", end)
}

// statementsOf gives an endpoint without statements one row all the same.
func statementsOf(e proxyhttp.CheckedEndpoint) []proxyhttp.StatementView {
	if len(e.Statements) == 0 {
		return []proxyhttp.StatementView{{}}
	}
	return e.Statements
}

// tablesCell lists what is read or written: a line a table, its condition
// below it, and then what ties them together.
func tablesCell(st proxyhttp.StatementView) string {
	var lines []string
	for _, t := range st.Tables {
		line := plain(t.Table)
		if t.Op != "" {
			line = strings.ToLower(t.Op) + " " + line
		}
		if t.Alias != "" && t.Alias != t.Table {
			line += " " + plain(t.Alias)
		}
		if len(t.Columns) > 0 {
			line += " (" + plain(strings.Join(t.Columns, ", ")) + ")"
		}
		lines = append(lines, line)
		if t.Filter != "" {
			lines = append(lines, "  where "+plain(t.Filter))
		}
	}
	for _, j := range st.Joins {
		lines = append(lines, "join on "+plain(j))
	}
	return strings.Join(lines, "\n")
}

func precisionCell(s *screen, e proxyhttp.CheckedEndpoint, st proxyhttp.StatementView) string {
	switch {
	case e.Kind == "write":
		return "(write)"
	case e.Uncached != "":
		return s.in(yellow, "not cached")
	case st.Precision == "row":
		return s.in(green, "row")
	}
	return s.in(yellow, st.Precision)
}

func windowCell(st proxyhttp.StatementView) string {
	w := st.Window
	if w == nil {
		return ""
	}
	var parts []string
	if len(w.Order) > 0 {
		parts = append(parts, "order "+strings.Join(w.Order, ", "))
	}
	if w.Limit != "" {
		parts = append(parts, "limit "+w.Limit)
	}
	if w.Offset != "" {
		parts = append(parts, "offset "+w.Offset)
	}
	return plain(strings.Join(parts, " "))
}
