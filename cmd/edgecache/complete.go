package main

import (
	"context"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// completionPatience is how long a shell waits for a running server. Past it
// nothing is completed: a slow prompt is worse than a missing name.
const completionPatience = 300 * time.Millisecond

// names asks a running server for what a flag or argument can be.
type names func(ctx context.Context, c client) []string

// completeFlag completes a flag with names from the running server.
func completeFlag(cmd *cobra.Command, flag string, c client, list names) {
	_ = cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		return fromServer(cmd, c, list, begun)
	})
}

// completeArg completes the first argument in the same way.
func completeArg(cmd *cobra.Command, c client, list names) {
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return fromServer(cmd, c, list, begun)
	}
}

func fromServer(cmd *cobra.Command, c client, list names, begun string) ([]string, cobra.ShellCompDirective) {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completionPatience)
	defer cancel()
	var out []string
	directive := cobra.ShellCompDirectiveNoFileComp
	for _, n := range list(ctx, c) {
		if strings.HasPrefix(n, begun) {
			out = append(out, n)
		}
		if strings.HasSuffix(n, ":") {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
	}
	sort.Strings(out)
	return out, directive
}

// endpointNames are the names of all mappings.
func endpointNames(ctx context.Context, c client) (out []string) {
	var got struct{ Endpoints []struct{ Name string } }
	if c.call(ctx, http.MethodGet, "/v1/endpoints", nil, &got) != nil {
		return nil
	}
	for _, e := range got.Endpoints {
		out = append(out, plain(e.Name))
	}
	return out
}

// tableNames are the tables that some endpoint reads or writes.
func tableNames(ctx context.Context, c client) (out []string) {
	var got struct{ Tables []struct{ Name string } }
	if c.call(ctx, http.MethodGet, "/debug/graph?"+url.Values{"limit": {"0"}}.Encode(), nil, &got) != nil {
		return nil
	}
	for _, t := range got.Tables {
		out = append(out, plain(t.Name))
	}
	return out
}

// recordTables begin TABLE:KEY.
func recordTables(ctx context.Context, c client) []string {
	out := tableNames(ctx, c)
	for i := range out {
		out[i] += ":"
	}
	return out
}

// fixed completes with words that are always the same.
func fixed(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// files completes names of files with these extensions.
func files(cmd *cobra.Command, flag string, extensions ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return extensions, cobra.ShellCompDirectiveFilterFileExt
	})
}
