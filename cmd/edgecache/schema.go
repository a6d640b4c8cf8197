package main

import (
	"github.com/spf13/cobra"

	"edgecache/proxyhttp/config"
)

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of the configuration file", Args: cobra.NoArgs,
		Long: "Print the JSON Schema (2020-12) of the configuration file, from which editors complete and check keys.\n\n" +
			"Editors that use the YAML language server find it by a first line in the file:\n\n" +
			"  # yaml-language-server: $schema=edgecache.schema.json",
		Example: "  edgecache schema > edgecache.schema.json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(config.Schema())
			return failure(err)
		},
	}
}
