package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"edgecache/proxyhttp"
)

func explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   `explain -c FILE "UPDATE …" | --server URL METHOD URL [--data JSON]`,
		Short: "Tell what a write would invalidate, and why; changes nothing",
		Long: "Tell what a write would invalidate, and the rule that hits or spares each endpoint or cached\n" +
			"response. The write is executed and rolled back. With -c the configuration's own database is used\n" +
			"and endpoints are judged; with --server a running server judges its cached responses.",
		Args: cobra.RangeArgs(1, 2),
	}
	file := cmd.Flags().StringP("config", "c", "", "configuration file: explain one SQL statement without a server")
	source := cmd.Flags().String("source", "", "with -c: the source, where there are several")
	data := cmd.Flags().String("data", "", "with METHOD URL: the JSON body")
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	c := clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var x proxyhttp.Explanation
		var err error
		switch {
		case *file != "" && len(args) == 1:
			err = explainOffline(cmd.Context(), *file, *source, args[0], &x)
		case *file == "" && len(args) == 2:
			err = explainLive(cmd.Context(), c, args[0], args[1], *data, &x)
		default:
			return errors.New(`give -c FILE "SQL", or METHOD URL with --server`)
		}
		if err != nil {
			return err
		}
		if *asJSON {
			return failure(printJSON(cmd.OutOrStdout(), x))
		}
		return failure(printExplanation(cmd.OutOrStdout(), &x))
	}
	return cmd
}

func explainOffline(ctx context.Context, file, source, sql string, x *proxyhttp.Explanation) error {
	return withOffline(ctx, file, func(o *proxyhttp.Offline) error {
		got, err := o.Explain(ctx, source, sql)
		if err != nil {
			return fmt.Errorf("edgecache: %w", err)
		}
		*x = *got
		return nil
	})
}

func explainLive(ctx context.Context, c client, method, target, data string, x *proxyhttp.Explanation) error {
	body, err := proxyhttp.ExplainBody(method, target, []byte(data))
	if err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	return c.call(ctx, http.MethodPost, "/v1/explain", body, x)
}

func printExplanation(w io.Writer, x *proxyhttp.Explanation) error {
	for _, line := range x.Changes {
		fmt.Fprintln(w, line)
	}
	if x.Truncated > 0 {
		fmt.Fprintf(w, "… and %d changes more\n", x.Truncated)
	}
	if len(x.Changes) == 0 {
		fmt.Fprintln(w, "no row changes")
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ENDPOINT\tVERDICT\tENTRIES\tRULE\tREASON")
	for _, e := range x.Endpoints {
		name := e.Endpoint
		if e.Variant != "" {
			name += " " + e.Variant
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\n", name, endpointVerdict(e), e.Entries, e.Rule, e.Reason)
	}
	for i, e := range x.Entries {
		if i == 0 {
			fmt.Fprintln(t, "\nURL\tVERDICT\t\tRULE\tREASON")
		}
		fmt.Fprintf(t, "%s\t%s\t\t%s\t%s\n", e.URL, verdict(e.Affected), e.Rule, e.Reason)
	}
	if x.Omitted > 0 {
		fmt.Fprintf(t, "… and %d entries more\n", x.Omitted)
	}
	return t.Flush()
}

// endpointVerdict says less of an endpoint without entries: some parameters
// may make the write affect it.
func endpointVerdict(e proxyhttp.EndpointVerdict) string {
	if e.Affected && e.Entries == 0 {
		return "may affect"
	}
	return verdict(e.Affected)
}

func verdict(affected bool) string {
	if affected {
		return "affected"
	}
	return "spared"
}
