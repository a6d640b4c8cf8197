package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"edgecache/proxyhttp"
)

func explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   `explain [-c FILE] "UPDATE …" | METHOD URL [--data JSON]`,
		Short: "Tell what a write would invalidate, and why; changes nothing",
		Long: "Tell what a write would change, which cached responses it would leave alone by which rule, and which\n" +
			"it would affect through which row. The write is executed and rolled back.\n\n" +
			"With -c FILE the configuration's own database is used, no server is needed, and endpoints are judged;\n" +
			"else a running server judges its cached responses. The write is SQL, or a call of your API.",
		Example: "  edgecache explain PUT /v1/users/123-abc --data '{\"firstName\":\"Lena\"}'\n" +
			"  edgecache explain \"DELETE FROM users WHERE id = :id\" --data '{\"id\":\"123-abc\"}'\n" +
			"  edgecache explain -c shop.yaml \"UPDATE products SET price = price + 1 WHERE id = 4\"",
		Args: cobra.RangeArgs(1, 2),
	}
	file := cmd.Flags().StringP("config", "c", "", "configuration file: explain without a server")
	source := cmd.Flags().String("source", "", "with SQL: the source, where there are several")
	data := cmd.Flags().String("data", "", "with METHOD URL the JSON body, with SQL its parameters as a JSON object")
	asJSON := jsonFlag(cmd)
	c := clientFlags(cmd)
	files(cmd, "config", "yaml", "yml", "json")
	_ = cmd.RegisterFlagCompletionFunc("data", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("source", cobra.NoFileCompletions)
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return []string{"DELETE", "PATCH", "POST", "PUT"}, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := newScreen(cmd)
		if err != nil {
			return err
		}
		body, err := explainBody(args, *source, *data)
		if err != nil {
			return err
		}
		var x *proxyhttp.Explanation
		if *file != "" {
			x, err = explainOffline(cmd.Context(), *file, body)
		} else {
			x = &proxyhttp.Explanation{}
			err = c.call(cmd.Context(), http.MethodPost, "/v1/explain", body, x)
		}
		switch {
		case err != nil:
			return err
		case *asJSON:
			return failure(printJSON(s, x))
		}
		(&story{s, x, *file == ""}).tell()
		return nil
	}
	return cmd
}

// explainBody is what is asked: one argument is SQL, two are a call.
func explainBody(args []string, source, data string) (body []byte, err error) {
	switch {
	case len(args) == 1:
		body, err = proxyhttp.ExplainSQL(source, args[0], []byte(data))
	case source != "":
		return nil, errors.New("--source goes with SQL; the route of a call tells its source")
	default:
		body, err = proxyhttp.ExplainBody(args[0], args[1], []byte(data))
	}
	if err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	return body, nil
}

func explainOffline(ctx context.Context, file string, body []byte) (x *proxyhttp.Explanation, err error) {
	err = withOffline(ctx, file, func(o *proxyhttp.Offline) error {
		if x, err = o.Explain(ctx, body); err != nil {
			return fmt.Errorf("edgecache: %w", err)
		}
		return nil
	})
	return x, err
}
