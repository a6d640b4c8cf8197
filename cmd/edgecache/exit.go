package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// The exit codes, as `edgecache help exit-codes` tells them.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
	exitAbsent  = 3
	exitToken   = 4
)

// exitError is an error that knows its exit code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// failure marks an error that is not about usage: cobra's own errors are.
func failure(err error) error { return withCode(exitFailure, err) }

// withCode gives err an exit code, unless it has one.
func withCode(code int, err error) error {
	if err == nil {
		return nil
	}
	var e *exitError
	if errors.As(err, &e) {
		return err
	}
	return &exitError{code, err}
}

// exitCode prints what went wrong and returns the code.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return exitOK
	}
	var e *exitError
	if errors.As(err, &e) {
		fmt.Fprintln(stderr, e.err)
		return e.code
	}
	fmt.Fprintf(stderr, "edgecache: %v\nTry: edgecache --help\n", err)
	return exitUsage
}

const exitCodesText = `Every command exits with one of these:

  0  all went well
  1  it was tried and failed: the server or a database refused, a port is in
     use, a file cannot be written
  2  wrong usage, or a configuration with mistakes; nothing was done
  3  no server answers: nothing listens there, it is not the control plane of
     EdgeCache, or the answer took too long
  4  the server wants a token, or another one

serve and check exit 2 on a configuration with mistakes and print one line a
mistake, all at once. serve, and stats --watch, exit 0 when they are stopped by
Ctrl-C or SIGTERM.`

func exitCodesTopic() *cobra.Command {
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: exitCodesText}
}
