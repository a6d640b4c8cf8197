package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// jsonFlag is --json, of every command that answers a question.
func jsonFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("json", false, "print JSON; edgecache help json tells its fields")
}

func outputFlag(cmd *cobra.Command) *string {
	return cmd.Flags().StringP("output", "o", "", "write to this file instead of standard output")
}

func printJSON(w io.Writer, v any) error {
	data, err := layOut(v)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// layOut prints JSON with one field a line and no HTML escapes.
func layOut(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

// writeOut writes a document to a file, as a whole or not at all, or to
// standard output.
func writeOut(cmd *cobra.Command, file string, document []byte) error {
	if file == "" || file == "-" {
		_, err := cmd.OutOrStdout().Write(document)
		return failure(err)
	}
	if err := replaceFile(file, document); err != nil {
		return failure(fmt.Errorf("edgecache: cannot write %s: %w", file, err))
	}
	return nil
}

func replaceFile(file string, document []byte) error {
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(file, document, 0o644) // a device or a pipe
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".edgecache-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already when all went well
	_, err = f.Write(document)
	if e := f.Chmod(0o644); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	return err
}
