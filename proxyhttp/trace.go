package proxyhttp

import "strings"

// A request that is part of a trace says so in traceparent (W3C Trace Context).
// It gets a span of its own there; log lines name both, and the answer says in
// traceresponse which span it was. Nothing begins a trace here, and nothing of
// it goes into SQL: a comment in each statement would make every one of them a
// new text to the database, which then prepares it anew.

const traceHeader = "Traceresponse"

// trace is a place in a trace.
type trace struct{ id, span, flags string }

// parseTrace reads a traceparent. Versions to come may be longer, and begin
// with what version 00 has.
func parseTrace(s string) (trace, bool) {
	const length = 55 // 00-<32>-<16>-<2>
	if len(s) < length || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return trace{}, false
	}
	version, t := s[:2], trace{id: s[3:35], span: s[36:52], flags: s[53:55]}
	switch {
	case !isHex(version) || version == "ff", version == "00" && len(s) != length, len(s) > length && s[length] != '-',
		!isHex(t.id) || !isHex(t.span) || !isHex(t.flags),
		strings.Trim(t.id, "0") == "", strings.Trim(t.span, "0") == "":
		return trace{}, false
	}
	return t, true
}

// isHex takes lower case only, as the standard does.
func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return true
}

// child is the same trace at a span below. Of the flags only "sampled" is
// passed on: what the others mean is not known.
func (t trace) child(span string) trace {
	if strings.IndexByte(hexDigits, t.flags[1])&1 == 1 {
		t.flags = "01"
	} else {
		t.flags = "00"
	}
	t.span = span
	return t
}

func (t trace) String() string { return "00-" + t.id + "-" + t.span + "-" + t.flags }
