package main

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"
)

func graphCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "graph", Short: "Print the dependency graph of a running server", Args: cobra.NoArgs}
	flags := map[string]*string{}
	for name, help := range map[string]string{
		"format":   "json (dot and svg are not available in this version)",
		"table":    "only what reads this table",
		"record":   "only what holds, or may hold, this row: TABLE:KEY",
		"endpoint": "only this endpoint",
		"url":      "only this URL",
		"state":    "only entries that are fresh, suspended or stale",
	} {
		flags[name] = cmd.Flags().String(name, "", help)
	}
	limit := cmd.Flags().Int("limit", 100, "at most so many entries")
	c := clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		q := url.Values{"limit": {strconv.Itoa(*limit)}}
		for name, v := range flags {
			if *v != "" {
				q.Set(name, *v)
			}
		}
		var out any
		if err := c.call(cmd.Context(), http.MethodGet, "/debug/graph?"+q.Encode(), nil, &out); err != nil {
			return err
		}
		return failure(printJSON(cmd.OutOrStdout(), out))
	}
	return cmd
}
