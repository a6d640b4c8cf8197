package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"edgecache/proxyhttp"
)

func reloadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "reload", Short: "Make a running server read its file again", Args: cobra.NoArgs,
		Long: "Make a running server read its configuration file again, as SIGHUP does. It is all or nothing: with any\n" +
			"mistake everything stays as it is, and every mistake is printed. Endpoints that did not change keep their\n" +
			"cached responses. What is looked at only at the start (addresses, TLS, tokens, store, sources) cannot\n" +
			"change: a file that changes any of it is refused.",
	}
	c := clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r, err := c.ask(cmd.Context(), http.MethodPost, "/v1/reload", []byte("{}"))
		if err != nil {
			return err
		}
		var out proxyhttp.Reloaded
		if err := decode(c, "/v1/reload", r.body, &out); err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), reloadedLine(out))
		return failure(err)
	}
	return cmd
}

// reloadedLine says in one line what a reload has changed.
func reloadedLine(r proxyhttp.Reloaded) string {
	var parts []string
	for _, p := range []struct {
		did   string
		names []string
	}{{"added", r.Added}, {"changed", r.Changed}, {"removed", r.Removed}, {"pushed out", r.Shelved}, {"let in again", r.Returned}} {
		if len(p.names) > 0 {
			parts = append(parts, p.did+" "+strings.Join(p.names, ", "))
		}
	}
	return strings.Join(append(parts, fmt.Sprintf("%d unchanged", r.Unchanged)), "; ")
}

// reloadOnHangup reads the file again at every SIGHUP, until the returned
// function is called. Signals that come while a reload is under way make one
// more, not many.
func reloadOnHangup(ctx context.Context, s *proxyhttp.Server, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	hangup, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangup, syscall.SIGHUP)
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangup:
				logReload(ctx, s, log)
			}
		}
	}()
	return func() {
		signal.Stop(hangup)
		cancel()
		<-done
	}
}

// logReload logs one line a mistake. What went well is logged by the server.
func logReload(ctx context.Context, s *proxyhttp.Server, log *slog.Logger) {
	_, err := s.Reload(ctx)
	var mistakes proxyhttp.Mistakes
	switch {
	case errors.As(err, &mistakes):
		for _, m := range mistakes {
			log.Error("configuration not reloaded", "mistake", m.String())
		}
	case err != nil:
		log.Error("configuration not reloaded", "error", err)
	}
}
