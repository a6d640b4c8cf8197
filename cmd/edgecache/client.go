package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// client talks to the control plane of a running server.
type client struct {
	server, token *string
}

func clientFlags(cmd *cobra.Command) client {
	return client{
		server: cmd.Flags().String("server", "http://127.0.0.1:8081", "control plane of a running server"),
		token:  cmd.Flags().String("token", os.Getenv("EDGECACHE_TOKEN"), "its token, also from $EDGECACHE_TOKEN"),
	}
}

// maxAnswer bounds what is read of one answer.
const maxAnswer = 64 << 20

// call sends body, when not nil, and decodes the answer into out.
func (c client) call(ctx context.Context, method, path string, body []byte, out any) error {
	data, err := c.raw(ctx, method, path, body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, out); err != nil {
		return failure(fmt.Errorf("edgecache: %s did not answer as a control plane: %w", *c.server, err))
	}
	return nil
}

func (c client) raw(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	base, err := url.Parse(*c.server)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("--server must be a URL such as http://127.0.0.1:8081, not %q", *c.server)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(*c.server, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, failure(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if *c.token != "" {
		req.Header.Set("Authorization", "Bearer "+*c.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return nil, failure(fmt.Errorf("edgecache: no answer from %s: %w", *c.server, err))
	}
	defer res.Body.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, failure(fmt.Errorf("edgecache: the answer of %s broke off: %w", *c.server, err))
	}
	if res.StatusCode != http.StatusOK {
		return nil, failure(fmt.Errorf("edgecache: %s", problemLine(res.Status, data)))
	}
	return data, nil
}

// problemLine says in one line what a problem says.
func problemLine(status string, data []byte) string {
	var p struct{ Title, Detail string }
	if json.Unmarshal(data, &p) != nil || p.Title == "" {
		return status
	}
	if p.Detail == "" {
		return p.Title
	}
	return p.Detail // a whole clause, which the title only sums up
}
