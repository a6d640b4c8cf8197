package proxyhttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"
)

// acceptPatch names what a PATCH may be sent as (RFC 5789, RFC 7396).
var acceptPatch = []string{"application/merge-patch+json, application/json"}

// maxNesting bounds how deep a JSON body may nest: parameters are scalars or
// lists, so anything deep is a mistake or an attack.
const maxNesting = 32

// readObject reads a request body that is one JSON object; an absent body is
// the empty object. Numbers keep their digits as json.Number. Nothing is
// repaired silently, because what is not refused here is written to a
// database: duplicate keys, invalid UTF-8 and lone surrogates are errors.
func readObject(w http.ResponseWriter, r *http.Request, limit int64) (map[string]any, *problem) {
	data, p := readBody(w, r, limit)
	if p != nil {
		return nil, p
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return map[string]any{}, nil
	}
	if enc := r.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		w.Header().Set("Accept-Encoding", "identity")
		return nil, newProblem(http.StatusUnsupportedMediaType, problemEncoding, "send the body as it is, without Content-Encoding: "+enc)
	}
	if p := checkMediaType(r, data); p != nil {
		return nil, p
	}
	v, err := decodeJSON(data)
	if err != nil {
		return nil, newProblem(http.StatusBadRequest, problemBadBody, err.Error())
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, newProblem(http.StatusBadRequest, problemBadBody, "the body must be a JSON object, such as {\"name\":\"value\"}; it is "+jsonKind(v))
	}
	return m, nil
}

func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, *problem) {
	if r.Body == nil {
		return nil, nil
	}
	if r.ContentLength > limit {
		return nil, bodyTooLarge(limit)
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, bodyTooLarge(limit)
	case err != nil:
		return nil, newProblem(http.StatusBadRequest, problemBadBody, "the body ended early or came too slowly")
	}
	return data, nil
}

func bodyTooLarge(limit int64) *problem {
	return newProblem(http.StatusRequestEntityTooLarge, problemTooLarge, fmt.Sprintf("a body may have %d bytes", limit))
}

// checkMediaType takes JSON, what names no type, and an object that claims to
// be a form: `curl -d '{…}'` says so of everything, and no form begins with {.
func checkMediaType(r *http.Request, data []byte) *problem {
	ct := r.Header.Get("Content-Type")
	if ct == "" {
		return nil
	}
	mt, _, err := mime.ParseMediaType(ct)
	if err == nil && (mt == "application/json" || strings.HasPrefix(mt, "application/") && strings.HasSuffix(mt, "+json")) {
		return nil
	}
	if err == nil && mt == "application/x-www-form-urlencoded" && bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return nil
	}
	return newProblem(http.StatusUnsupportedMediaType, problemMediaType, "send application/json, not "+ct)
}

// decodeJSON decodes exactly one JSON value. Its errors name the place.
func decodeJSON(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("the body is not valid UTF-8")
	}
	if depth(data) > maxNesting {
		return nil, fmt.Errorf("the body nests deeper than %d levels", maxNesting)
	}
	// Only the syntax is looked at here: numbers that no float64 holds are
	// for who binds them to refuse.
	var syntax json.RawMessage
	if err := json.Unmarshal(data, &syntax); err != nil {
		return nil, placed(data, err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := decodeValue(dec)
	if err != nil {
		return nil, placed(data, err)
	}
	if !bytes.Contains(data, []byte("\ufffd")) && !bytes.Contains(bytes.ToLower(data), []byte(`\ufffd`)) && hasReplacement(v) {
		return nil, errors.New("the body has a \\u escape that is half of a surrogate pair")
	}
	return v, nil
}

// decodeValue walks the tokens of text that is known to be valid JSON, to see
// the duplicate keys that Unmarshal overlooks.
func decodeValue(dec *json.Decoder) (any, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		m := map[string]any{}
		for dec.More() {
			k, err := dec.Token()
			if err != nil {
				return nil, err
			}
			name, _ := k.(string)
			if _, dup := m[name]; dup {
				return nil, fmt.Errorf("the key %q appears twice in one object", name)
			}
			if m[name], err = decodeValue(dec); err != nil {
				return nil, err
			}
		}
		_, err := dec.Token()
		return m, err
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			v, err := decodeValue(dec)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := dec.Token()
		return list, err
	}
	return t, nil
}

// depth is the deepest nesting of brackets outside strings.
func depth(data []byte) int {
	deepest, now, inString := 0, 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

func hasReplacement(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.ContainsRune(v, utf8.RuneError)
	case []any:
		for _, e := range v {
			if hasReplacement(e) {
				return true
			}
		}
	case map[string]any:
		for k, e := range v {
			if hasReplacement(k) || hasReplacement(e) {
				return true
			}
		}
	}
	return false
}

// placed adds line and column to a syntax error.
func placed(data []byte, err error) error {
	var se *json.SyntaxError
	if !errors.As(err, &se) {
		return err
	}
	off := min(max(int(se.Offset), 0), len(data))
	// The decoder's offset is one past the byte it stumbled over, except at
	// the end of the text.
	at := off
	if at > 0 && se.Error() != "unexpected end of JSON input" {
		at--
	}
	line := 1 + bytes.Count(data[:at], []byte("\n"))
	column := at - bytes.LastIndexByte(data[:at], '\n')
	return fmt.Errorf("malformed JSON at line %d, column %d: %s", line, column, se.Error())
}

func jsonKind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case []any:
		return "an array"
	case json.Number:
		return "a number"
	}
	return "an object"
}
