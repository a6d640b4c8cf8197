package main

import (
	"context"
	"strings"
	"testing"
)

// TestLogFollowsTheFile: log.format and log.level of the file hold unless a flag
// says otherwise.
func TestLogFollowsTheFile(t *testing.T) {
	for _, c := range []struct {
		keys  string
		flags []string
		want  string // the line that says that it serves; "" for none
	}{
		{"", nil, "level=INFO msg=serving"},
		{"log: {format: json}\n", nil, `"level":"INFO","msg":"serving"`},
		{"log: {format: json}\n", []string{"--log", "text"}, "level=INFO msg=serving"},
		{"log: {level: warn}\n", nil, ""},
		{"log: {level: warn}\n", []string{"--log-level", "info"}, "level=INFO msg=serving"},
		{"log: {format: json}\n", []string{"--log", "off"}, ""},
	} {
		file := configured(t, anyPorts+c.keys+endpoints)
		log, out := newLines(), newLines()
		ctx, stop := context.WithCancel(t.Context())
		exit := make(chan int, 1)
		go func() { exit <- run(ctx, append([]string{"serve", "-c", file}, c.flags...), out, log) }()
		out.wait(t, "control plane")
		if c.want != "" {
			log.wait(t, c.want)
		}
		stop()
		if code := <-exit; code != 0 {
			t.Errorf("exit %d", code)
		}
		if text := log.buf.String(); c.want == "" && text != "" {
			t.Errorf("%s%v: %s", c.keys, c.flags, text)
		}
	}
}

// TestPasswordsAreNotPrinted: a database that cannot be reached is told without
// what its DSN holds, whatever is logged.
func TestPasswordsAreNotPrinted(t *testing.T) {
	for _, dsn := range []string{
		"root:s3cr3t-pass@tcp(127.0.0.1:1)/shop", "root:s3cr3t-pass@tcp(nowhere.invalid:1)/shop?timeout=100ms",
		"root:s3cr3t-pass@nonsense", "root:s3cr3t-pass@tcp(127.0.0.1:1)/shop?nonsense=%zz", "s3cr3t-pass",
	} {
		file := configured(t, anyPorts+"log: {level: debug, access: all}\nsources: {main: {driver: mysql, dsn: \""+dsn+"\"}}\nendpoints:\n  - {route: GET /a, sql: SELECT 1 AS x}\n")
		for _, args := range [][]string{{"serve"}, {"check"}, {"check", "--json"}} {
			var out, errs strings.Builder
			code := run(t.Context(), append(args, "-c", file), &out, &errs)
			if text := out.String() + errs.String(); code == 0 || strings.Contains(text, "s3cr3t") {
				t.Errorf("%v %s: exit %d: %s", args, dsn, code, text)
			}
		}
	}
}
