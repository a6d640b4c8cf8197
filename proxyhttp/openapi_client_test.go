package proxyhttp_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const generator = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2"

// TestGeneratedClient makes a typed client of the demo's document, compiles a
// program against it, and lets that read and write the demo. It fetches the
// generator and what its client needs, so only `make test-openapi` runs it.
func TestGeneratedClient(t *testing.T) {
	if os.Getenv("EDGECACHE_OPENAPI") == "" {
		t.Skip("make test-openapi runs it")
	}
	d := describe(t, "", "")
	dir := t.TempDir()
	program, err := os.ReadFile("testdata/client/main.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "client"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"openapi.json": d.document(), "main.go": program, "go.mod": []byte("module reader\n\ngo 1.26.0\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tool := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
		var diagnosis diagnosis
		cmd.Stderr = &diagnosis
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, diagnosis)
		}
		return string(out)
	}
	tool("run", generator, "-generate", "types,client", "-package", "client", "-o", "client/client.go", "openapi.json")
	tool("mod", "tidy")
	const want = "103-abc Lane 6\n108-abc Lane 0\n1 dear product\nNot found\nlimit is wrong\n1 changed\nLena true\n"
	if got := tool("run", ".", d.data.URL); got != want {
		t.Errorf("the client prints\n%s, want\n%s", got, want)
	}
}

// diagnosis keeps the first of what a tool says.
type diagnosis []byte

func (d *diagnosis) Write(p []byte) (int, error) {
	const most = 8 << 10
	*d = append(*d, p[:min(len(p), most-len(*d))]...)
	return len(p), nil
}
