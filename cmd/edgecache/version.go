package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// Set by the linker; without it the build information tells.
var (
	version = ""
	commit  = ""
)

// build is what `version --json` prints.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func versionCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "version", Short: "Print version, commit and Go", Args: cobra.NoArgs}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		v, c := versionOf()
		b := build{v, c, runtime.Version(), runtime.GOOS, runtime.GOARCH}
		if *asJSON {
			return failure(printJSON(cmd.OutOrStdout(), b))
		}
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "edgecache %s (commit %s, %s %s/%s)\n", b.Version, b.Commit, b.Go, b.OS, b.Arch)
		return failure(err)
	}
	return cmd
}

// versionOf prefers what the linker set, then what the Go tool recorded.
func versionOf() (v, c string) {
	v, c = version, commit
	if info, ok := debug.ReadBuildInfo(); ok {
		if v == "" {
			v = strings.Trim(info.Main.Version, "()")
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && c == "" {
				c = s.Value
			}
		}
	}
	if v == "" {
		v = "devel"
	}
	if c == "" {
		c = "unknown"
	}
	return v, c
}
