package main

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

func endpointsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "endpoints", Short: "The mappings of a running server", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(endpointsList(), endpointsAdd(), endpointsRemove())
	return cmd
}

func endpointsList() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the mappings", Args: cobra.NoArgs}
	asJSON := jsonFlag(cmd)
	c := clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r, err := c.ask(cmd.Context(), http.MethodGet, "/v1/endpoints", nil)
		if err != nil {
			return err
		}
		if *asJSON {
			data, err := indented(r.body)
			if err != nil {
				return c.stranger("what it says to /v1/endpoints is no JSON")
			}
			return writeOut(cmd, "", data)
		}
		var out struct {
			Endpoints []struct{ Name, Route, Source, TTL, Rehydrate string }
		}
		if err := decode(c, "/v1/endpoints", r.body, &out); err != nil {
			return err
		}
		s, err := newScreen(cmd)
		if err != nil {
			return err
		}
		t := &table{s: s}
		t.head("NAME", "ROUTE", "SOURCE", "TTL", "REHYDRATE")
		for _, e := range out.Endpoints {
			t.row(plain(e.Name), plain(e.Route), plain(e.Source), e.TTL, e.Rehydrate)
		}
		t.print()
		return nil
	}
	return cmd
}

func endpointsAdd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "add -f FILE", Short: "Register mappings", Args: cobra.NoArgs,
		Long: "Register mappings with a running server. FILE holds one endpoint, or a list of them under\n" +
			"`endpoints:`, in the YAML of the configuration file or as JSON; - is standard input. They outlive a\n" +
			"restart of a server whose store.path is a file. ${NAME} stays as it is: only the server's own file takes it from the environment.\n\n" +
			"Each is registered by itself: where one is refused, the others are there, and the command exits 1.",
		Example: "  edgecache endpoints add -f users.yaml\n  edgecache endpoints add --replace -f - <<'END'\n  {name: cities, route: GET /v1/cities, sql: SELECT DISTINCT city FROM users}\n  END",
	}
	file := cmd.Flags().StringP("file", "f", "", "the mappings, YAML or JSON; - is standard input")
	replace := cmd.Flags().Bool("replace", false, "replace mappings that have these names")
	asJSON := jsonFlag(cmd)
	_ = cmd.MarkFlagRequired("file")
	files(cmd, "file", "yaml", "yml", "json")
	c := clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		list, err := readMappings(cmd, *file)
		if err != nil {
			return err
		}
		return register(cmd, c, list, *replace, *asJSON)
	}
	return cmd
}

// registered is one line of what `endpoints add --json` prints.
type registered struct {
	Name   string `json:"name"`
	Status string `json:"status"` // added, replaced, refused
	Error  string `json:"error,omitempty"`
}

// register sends one mapping after the other. It stops where no server
// answers, and goes on where one is refused.
func register(cmd *cobra.Command, c client, list []mapping, replace, asJSON bool) error {
	out := []registered{}
	var worst error
	for _, m := range list {
		method, path := http.MethodPost, "/v1/endpoints"
		if replace {
			method, path = http.MethodPut, "/v1/endpoints/"+url.PathEscape(m.name)
		}
		r, err := c.ask(cmd.Context(), method, path, m.json)
		got := registered{Name: m.name, Status: "added"}
		switch {
		case err != nil && isRefusal(err):
			got.Status, got.Error, worst = "refused", withoutPrefix(err), err
		case err != nil:
			return err
		case r.status == http.StatusOK && replace:
			got.Status = "replaced"
		}
		out = append(out, got)
	}
	if asJSON {
		if err := printJSON(cmd.OutOrStdout(), map[string]any{"endpoints": out}); err != nil {
			return failure(err)
		}
	} else {
		for _, o := range out {
			if o.Error == "" {
				fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", o.Status, plain(o.Name))
			}
		}
	}
	if worst == nil {
		return nil
	}
	return refusals(out)
}

func endpointsRemove() *cobra.Command {
	cmd := &cobra.Command{
		Use: "rm NAME", Short: "Remove a registered mapping", Args: cobra.ExactArgs(1),
		Long: "Remove a mapping that was registered with a running server, and its cached responses.",
	}
	asJSON := jsonFlag(cmd)
	c := clientFlags(cmd)
	completeArg(cmd, c, endpointNames)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if _, err := c.ask(cmd.Context(), http.MethodDelete, "/v1/endpoints/"+url.PathEscape(args[0]), nil); err != nil {
			return err
		}
		if *asJSON {
			return failure(printJSON(cmd.OutOrStdout(), map[string]string{"removed": args[0]}))
		}
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "removed %s\n", plain(args[0]))
		return failure(err)
	}
	return cmd
}
