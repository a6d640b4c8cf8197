package main

import (
	"errors"
	"fmt"
	"net/http"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func endpointsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "endpoints", Short: "The mappings of a running server", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	list := &cobra.Command{Use: "list", Short: "List the mappings", Args: cobra.NoArgs}
	asJSON := list.Flags().Bool("json", false, "print JSON")
	c := clientFlags(list)
	list.RunE = func(cmd *cobra.Command, _ []string) error {
		var out struct {
			Endpoints []struct{ Name, Route, Source, TTL, Rehydrate string }
		}
		if *asJSON {
			var all any
			if err := c.call(cmd.Context(), http.MethodGet, "/v1/endpoints", nil, &all); err != nil {
				return err
			}
			return failure(printJSON(cmd.OutOrStdout(), all))
		}
		if err := c.call(cmd.Context(), http.MethodGet, "/v1/endpoints", nil, &out); err != nil {
			return err
		}
		t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "NAME\tROUTE\tSOURCE\tTTL\tREHYDRATE")
		for _, e := range out.Endpoints {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", e.Name, e.Route, e.Source, e.TTL, e.Rehydrate)
		}
		return failure(t.Flush())
	}
	cmd.AddCommand(list, notHere("add", "Register a mapping", "registering endpoints"), notHere("rm", "Remove a mapping", "removing endpoints"))
	return cmd
}

// notHere is a command of a later version, whatever its flags will be.
func notHere(name, short, what string) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short + " (not available in this version)", DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return failure(errors.New("edgecache: " + what + " at run time is not available in this version; change the configuration file and start again"))
		},
	}
}
