package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"
)

func graphCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "graph", Short: "Print the dependency graph of a running server", Args: cobra.NoArgs,
		Long: "Print the dependency graph of a running server: tables, endpoints and cached responses, and what\n" +
			"each depends on. json is for programs, dot and svg for documents, html is a page to look around in.",
		Example: "  edgecache graph --format svg -o graph.svg\n  edgecache graph --table users --state stale",
	}
	flags := map[string]*string{}
	for name, help := range map[string]string{
		"table":    "only what reads this table",
		"record":   "only what holds, or may hold, this row: TABLE:KEY",
		"endpoint": "only this endpoint",
		"url":      "only this URL",
		"state":    "only entries that are fresh, suspended or stale",
	} {
		flags[name] = cmd.Flags().String(name, "", help)
	}
	format := cmd.Flags().String("format", "json", "json, dot, svg or html")
	limit := cmd.Flags().Int("limit", 100, "at most so many entries")
	asJSON := cmd.Flags().Bool("json", false, "the same as --format json")
	file := outputFlag(cmd)
	c := clientFlags(cmd)
	_ = cmd.RegisterFlagCompletionFunc("format", fixed("json", "dot", "svg", "html"))
	_ = cmd.RegisterFlagCompletionFunc("state", fixed("fresh", "suspended", "stale"))
	_ = cmd.RegisterFlagCompletionFunc("url", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("limit", cobra.NoFileCompletions)
	completeFlag(cmd, "endpoint", c, endpointNames)
	completeFlag(cmd, "table", c, tableNames)
	completeFlag(cmd, "record", c, recordTables)
	cmd.MarkFlagsMutuallyExclusive("format", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		q := url.Values{"limit": {strconv.Itoa(*limit)}}
		for name, v := range flags {
			if *v != "" {
				q.Set(name, *v)
			}
		}
		if *asJSON {
			*format = "json"
		}
		if *format != "json" {
			q.Set("format", *format)
		}
		r, err := c.ask(cmd.Context(), http.MethodGet, "/debug/graph?"+q.Encode(), nil)
		if err != nil {
			return err
		}
		document := r.body
		if *format == "json" {
			if document, err = indented(document); err != nil {
				return c.stranger("what it says to /debug/graph is no JSON")
			}
		}
		return writeOut(cmd, *file, document)
	}
	return cmd
}

// indented lays JSON out for people, without a change of order or numbers.
func indented(data []byte) ([]byte, error) {
	var raw json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, err
	}
	return layOut(raw)
}
