// Command edgecache is an edge cache for data APIs that knows, from the SQL
// behind each endpoint, which cached responses a write can have changed.
//
// The commands are thin: what they do is in package proxyhttp. What is theirs
// is how it looks: as tables and sentences for people, coloured and wrapped
// where a terminal is there, and as JSON for programs. exit.go tells the exit
// codes.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return exitCode(root.ExecuteContext(ctx), stderr)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "edgecache",
		Short: "An edge cache for data APIs that knows which responses a write changes",
		Long: "An edge cache for data APIs that knows, from the SQL behind each endpoint, which cached responses\n" +
			"a write can have changed.\n\n" +
			"A first mapping file comes from `edgecache init --dsn DSN`; `edgecache serve -c FILE` serves it.\n" +
			"`edgecache completion --help` tells how your shell completes commands, endpoints and tables.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		SuggestionsMinimumDistance: 2,
	}
	// A mistyped command with a flag meets the flag first, which is no mistake.
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if cmd.HasParent() {
			return err
		}
		return cmp.Or(knownCommand(cmd, cmd.Flags().Args()), err)
	})
	colorFlag(root)
	root.AddCommand(serveCommand(), initCommand(), checkCommand(), explainCommand(), graphCommand(), endpointsCommand(),
		purgeCommand(), statsCommand(), reloadCommand(), schemaCommand(), versionCommand(), exitCodesTopic(), jsonTopic())
	return root
}

// knownCommand refuses what is no command, with those that it is close to.
func knownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		return fmt.Errorf("there is no command %q; did you mean %s?", args[0], strings.Join(near, " or "))
	}
	return fmt.Errorf("there is no command %q", args[0])
}
