package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"edgecache/proxyhttp"
	"edgecache/proxyhttp/config"
)

// configFlag adds -c with its environment variable.
func configFlag(cmd *cobra.Command) *string {
	return cmd.Flags().StringP("config", "c", os.Getenv("EDGECACHE_CONFIG"), "configuration file, also from $EDGECACHE_CONFIG")
}

// loadConfig reads a file or says everything that is wrong with it.
func loadConfig(ctx context.Context, file string) (*config.Config, error) {
	if file == "" {
		return nil, &exitError{exitUsage, errors.New("edgecache: name the configuration: -c FILE, or $EDGECACHE_CONFIG")}
	}
	cfg, mistakes := config.Load(file, os.LookupEnv)
	if len(mistakes) > 0 {
		return nil, mistakesError(proxyhttp.AllMistakes(ctx, cfg, mistakes))
	}
	return cfg, nil
}

// mistakesError prints one line a mistake and exits 2.
func mistakesError(m proxyhttp.Mistakes) error { return &exitError{exitUsage, m} }

// asMistakes gives mistakes their exit code; other errors are failures.
func asMistakes(err error) error {
	var m proxyhttp.Mistakes
	if errors.As(err, &m) {
		return mistakesError(m)
	}
	return failure(errors.New("edgecache: " + strings.TrimPrefix(err.Error(), "edgecache: ")))
}
