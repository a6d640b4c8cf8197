package config

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSizes(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "1": 1, "1048576": 1 << 20, "64KiB": 64 << 10, "128MiB": 128 << 20, "1.5GiB": 3 << 29, "2 GiB": 2 << 30, "1KB": 1000, "5B": 5, "1TiB": 1 << 40, " 7 ": 7,
		"": -1, "MiB": -1, "-1": -1, "-1MiB": -1, "1.5": -1, "1.5B": -1, "1mib": -1, "1 M": -1, "9223372036854775807KiB": -1, "1e400GiB": -1, "NaNMiB": -1, "infMiB": -1, "0x1MiB": -1, "9e18TiB": -1,
	} {
		if got, ok := parseSize(in); ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %d, %t, want %d", in, got, ok, want)
		}
	}
}

func TestDurations(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"24h": 24 * time.Hour, "90s": 90 * time.Second, "7d": 168 * time.Hour, "1d12h": 36 * time.Hour, "1m30s": 90 * time.Second, "0": 0, "100ms": 100 * time.Millisecond,
	} {
		if got, ok := parseDuration(in); !ok || got != want {
			t.Errorf("%q: %s, %t, want %s", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "24", "d", "-1d", "1d-1h", "1d+1h", "99999999d", "1.5d", "1h1d", "tomorrow", "9999999999h", "36600d2000000h"} {
		if got, ok := parseDuration(in); ok {
			t.Errorf("%q is read as %s", in, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(1000*time.Hour)).Draw(t, "d"))
		if rapid.Bool().Draw(t, "whole") {
			d = d.Truncate(time.Minute)
		}
		if got, ok := parseDuration(formatDuration(d)); !ok || got != d {
			t.Fatalf("%s is printed as %s", d, formatDuration(d))
		}
	})
}

// TestNumbersAreJSON holds isNumber against encoding/json: defaults are kept
// as json.Number and must print.
func TestNumbersAreJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[-+]?[0-9.]{0,4}([eE][-+]?[0-9]{0,3})?`).Draw(t, "s")
		if want := json.Valid([]byte(s)); isNumber(s) != want {
			t.Fatalf("%q: %t, want %t", s, isNumber(s), want)
		}
	})
}

func TestLoopback(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:1": true, "127.9.9.9:1": true, "localhost:1": true, "LOCALHOST:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true,
		":1": false, "0.0.0.0:1": false, "[::]:1": false, "10.0.0.1:1": false, "localhost.example:1": false, "127.0.0.1.example:1": false, "::1": false, "": false, "127.0.0.1": false,
	} {
		if IsLoopback(addr) != want {
			t.Errorf("%s: %t", addr, !want)
		}
	}
}

func TestNearest(t *testing.T) {
	for given, want := range map[string]string{
		"rout": "route", "roote": "route", "Route": "route", "stale-if-error": "stale_if_error", "staleIfError": "stale_if_error", "tll": "ttl", "ttl2": "ttl", "sqll": "sql", "x": "", "name5678": "", "": "",
	} {
		if got := nearest(given, endpointTable.names()); got != want {
			t.Errorf("%s: %q, want %q", given, got, want)
		}
	}
}
