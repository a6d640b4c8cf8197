package main

import (
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"edgecache/proxyhttp"
)

func statsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "stats", Short: "Hit ratio, entries, memory, invalidations, refills", Args: cobra.NoArgs}
	watch := cmd.Flags().Bool("watch", false, "print again every two seconds")
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	c := clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		for {
			var st proxyhttp.Stats
			if err := c.call(cmd.Context(), http.MethodGet, "/v1/stats", nil, &st); err != nil {
				return err
			}
			print := printStats
			if *asJSON {
				print = func(w io.Writer, st *proxyhttp.Stats) error { return printJSON(w, st) }
			}
			if err := print(cmd.OutOrStdout(), &st); err != nil || !*watch {
				return failure(err)
			}
			select {
			case <-cmd.Context().Done():
				return nil
			case <-time.After(2 * time.Second):
			}
			fmt.Fprintln(cmd.OutOrStdout())
		}
	}
	return cmd
}

func printStats(w io.Writer, st *proxyhttp.Stats) error {
	var hits, asked int64
	for _, e := range st.Endpoints {
		hits += e.Results["hit"]
		for name, n := range e.Results {
			if name != "write" {
				asked += n
			}
		}
	}
	g, q := st.Graph, st.Queue
	fmt.Fprintf(w, "up %s, hit ratio %s\n", st.Uptime, ratio(hits, asked))
	fmt.Fprintf(w, "%d entries, %d bytes, %d evicted\n", g.Entries, g.Bytes, g.Evictions)
	fmt.Fprintf(w, "%d writes affected %d responses; %d fills overtaken\n", g.Writes, g.Affected, g.Overtaken)
	fmt.Fprintf(w, "refills: %d waiting, %d done, %d failed, %d dropped\n\n", q.Length, q.Done, q.Failed, q.Overflowed)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ENDPOINT\tHITS\tMISSES\tSTALE\tREQUESTED\tBYPASSED\tWRITES")
	for _, e := range st.Endpoints {
		r := e.Results
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\n", e.Name, r["hit"], r["miss"], r["stale"], r["request"], r["bypass"], r["write"])
	}
	return t.Flush()
}

func ratio(part, whole int64) string {
	if whole == 0 {
		return "none yet"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}
