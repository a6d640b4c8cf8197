package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"syscall"

	"github.com/spf13/cobra"

	"edgecache/proxyhttp"
	"edgecache/proxyhttp/config"
)

func serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve -c FILE", Short: "Run the cache", Args: cobra.NoArgs,
		Long: "Run the cache. SIGINT or SIGTERM stops it: what is under way is finished first. SIGHUP reads the file\nagain, all or nothing, as `edgecache reload` does.",
	}
	file := configFlag(cmd)
	format := cmd.Flags().String("log", "", "log format on standard error: text, json or off; else log.format of the file says it")
	level := cmd.Flags().String("log-level", "", "least level that is logged: debug, info, warn or error; else log.level of the file says it")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkLog(*format, *level); err != nil {
			return err
		}
		cfg, err := loadConfig(cmd.Context(), *file)
		if err != nil {
			return err
		}
		log, err := newLog(cmd.ErrOrStderr(), cmp.Or(*format, cfg.Log.Format), cmp.Or(*level, cfg.Log.Level))
		if err != nil {
			return err
		}
		return serve(cmd.Context(), cfg, log, cmd.OutOrStdout())
	}
	return cmd
}

// checkLog refuses flags before the file is read.
func checkLog(format, level string) error {
	_, err := newLog(io.Discard, cmp.Or(format, config.LogText), cmp.Or(level, config.LogInfo))
	return err
}

func newLog(w io.Writer, format, level string) (*slog.Logger, error) {
	var o slog.HandlerOptions
	switch level {
	case "debug":
		o.Level = slog.LevelDebug
	case "info":
		o.Level = slog.LevelInfo
	case "warn":
		o.Level = slog.LevelWarn
	case "error":
		o.Level = slog.LevelError
	default:
		return nil, fmt.Errorf("--log-level is debug, info, warn or error, not %q", level)
	}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, &o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, &o)), nil
	case "off":
		return slog.New(slog.DiscardHandler), nil
	}
	return nil, fmt.Errorf("--log is text, json or off, not %q", format)
}

// serve takes both ports before it touches a database, so that a second
// server on the same ports changes nothing.
func serve(ctx context.Context, cfg *config.Config, log *slog.Logger, out io.Writer) error {
	data, err := listen(cfg.Server.Listen, "server.listen")
	if err != nil {
		return err
	}
	defer data.Close() // closed already after serving
	control, err := listen(cfg.Admin.Listen, "admin.listen")
	if err != nil {
		return err
	}
	defer control.Close() // closed already after serving
	v, _ := versionOf()
	s, err := proxyhttp.New(ctx, proxyhttp.Options{Config: cfg, Log: log, Version: v})
	if err != nil {
		return asMistakes(err)
	}
	defer reloadOnHangup(ctx, s, log)()
	fmt.Fprintf(out, "data plane     %s\ncontrol plane  %s\n", urlOf(data, cfg.Server.TLS), urlOf(control, cfg.Admin.TLS))
	log.Info("serving", "version", v, "data", data.Addr().String(), "control", control.Addr().String(), "endpoints", len(cfg.Endpoints))
	err = s.Serve(ctx, data, control)
	log.Info("stopped")
	if err != nil {
		return failure(fmt.Errorf("edgecache: %w", err))
	}
	return nil
}

func urlOf(l net.Listener, t *config.TLS) string {
	if t != nil {
		return "https://" + l.Addr().String()
	}
	return "http://" + l.Addr().String()
}

// listen opens a port; what is in the way is one clear line.
func listen(addr, key string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, failure(fmt.Errorf("edgecache: %s (%s) is in use by another program", addr, key))
	case err != nil:
		return nil, failure(fmt.Errorf("edgecache: cannot listen on %s (%s): %w", addr, key, err))
	}
	return l, nil
}
