package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"edgecache/proxyhttp"
)

func checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "check -c FILE", Short: "Validate a configuration without serving", Args: cobra.NoArgs,
		Long: "Validate a configuration against its databases without serving it, and tell for each\nendpoint what it reads and how precisely writes will be matched with it.",
	}
	file := configFlag(cmd)
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return withOffline(cmd.Context(), *file, func(o *proxyhttp.Offline) error {
			if *asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{"endpoints": o.Endpoints(), "notes": o.Notes()})
			}
			for _, n := range o.Notes() {
				fmt.Fprintf(cmd.OutOrStdout(), "note: %s\n\n", n)
			}
			return proxyhttp.PrintEndpoints(cmd.OutOrStdout(), o.Endpoints())
		})
	}
	return cmd
}

// withOffline compiles a configuration, uses it and cleans up.
func withOffline(ctx context.Context, file string, use func(*proxyhttp.Offline) error) error {
	cfg, err := loadConfig(ctx, file)
	if err != nil {
		return err
	}
	o, err := proxyhttp.OpenOffline(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return asMistakes(err)
	}
	return failure(errors.Join(use(o), o.Close(ctx)))
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
