// Command edgecache is an edge cache for data APIs that knows, from the SQL
// behind each endpoint, which cached responses a write can have changed.
//
// The commands are thin: what they do is in package proxyhttp. They exit 0
// when all went well, 1 on a failure, 2 on wrong usage or configuration.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

const (
	exitFailure = 1
	exitUsage   = 2
)

// exitError is an error that knows its exit code. An empty message says that
// everything was said already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// failure marks an error that is not about usage: cobra's own errors are.
func failure(err error) error {
	if err == nil {
		return nil
	}
	var e *exitError
	if errors.As(err, &e) {
		return err
	}
	return &exitError{exitFailure, err}
}

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
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var e *exitError
	if errors.As(err, &e) {
		fmt.Fprintln(stderr, e.err)
		return e.code
	}
	fmt.Fprintf(stderr, "edgecache: %v\nTry: edgecache --help\n", err)
	return exitUsage
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "edgecache",
		Short:         "An edge cache for data APIs that knows which responses a write changes",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(serveCommand(), checkCommand(), explainCommand(), graphCommand(), endpointsCommand(),
		purgeCommand(), statsCommand(), versionCommand())
	return root
}
