package main

import (
	"encoding/json"
	"testing"
)

func TestSchemaCommand(t *testing.T) {
	code, stdout, stderr := command(t, "schema")
	var doc map[string]any
	if err := json.Unmarshal([]byte(stdout), &doc); code != 0 || err != nil || doc["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
		t.Errorf("exit %d, %v: %.200s%s", code, err, stdout, stderr)
	}
}
