package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

func purgeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "purge --url U | --endpoint E | --table T | --record T:KEY | --tag T | --all",
		Short: "Drop cached responses of a running server; prints how many", Args: cobra.NoArgs,
	}
	url := cmd.Flags().String("url", "", "the response of this URL, such as /v1/users?limit=10")
	endpoint := cmd.Flags().String("endpoint", "", "all responses of this endpoint")
	table := cmd.Flags().String("table", "", "all responses that read this table")
	record := cmd.Flags().String("record", "", "all responses that hold, or may hold, this row: TABLE:KEY")
	tag := cmd.Flags().String("tag", "", "all responses of endpoints with this tag")
	all := cmd.Flags().Bool("all", false, "everything")
	cmd.MarkFlagsMutuallyExclusive("url", "endpoint", "table", "record", "tag", "all")
	cmd.MarkFlagsOneRequired("url", "endpoint", "table", "record", "tag", "all")
	asJSON := jsonFlag(cmd)
	c := clientFlags(cmd)
	completeFlag(cmd, "endpoint", c, endpointNames)
	completeFlag(cmd, "table", c, tableNames)
	completeFlag(cmd, "record", c, recordTables)
	_ = cmd.RegisterFlagCompletionFunc("url", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("tag", cobra.NoFileCompletions)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var sel any
		switch {
		case *url != "":
			sel = map[string]any{"url": *url}
		case *endpoint != "":
			sel = map[string]any{"endpoint": *endpoint}
		case *table != "":
			sel = map[string]any{"table": *table}
		case *tag != "":
			sel = map[string]any{"tag": *tag}
		case *record != "":
			t, key, ok := strings.Cut(*record, ":")
			if !ok || t == "" || key == "" {
				return errors.New("--record is TABLE:KEY, such as users:123-abc")
			}
			sel = map[string]any{"record": map[string]string{"table": t, "key": key}}
		case *all:
			sel = map[string]any{"all": true}
		default:
			return errors.New("the selector is empty")
		}
		body, err := json.Marshal(sel)
		if err != nil {
			return failure(err)
		}
		var out struct {
			Purged int `json:"purged"`
		}
		if err := c.call(cmd.Context(), http.MethodPost, "/v1/purge", body, &out); err != nil {
			return err
		}
		if *asJSON {
			return failure(printJSON(cmd.OutOrStdout(), out))
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), out.Purged)
		return failure(err)
	}
	return cmd
}
