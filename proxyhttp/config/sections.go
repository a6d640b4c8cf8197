package config

import (
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// What a file means by leaving a key away.
const (
	defaultListen      = "127.0.0.1:8080"
	defaultAdminListen = "127.0.0.1:8081"
	defaultMaxMemory   = 128 << 20
	defaultTTL         = 24 * time.Hour
	memory             = ":memory:"
)

func (r *reader) listeners(top *section, dir string) (Server, Admin) {
	s := r.section(top.n.get("server"), "server", "", serverTable)
	a := r.section(top.n.get("admin"), "admin", "", adminTable)
	server := Server{Listen: s.listen(defaultListen), TLS: s.tls(dir), CORS: s.cors(), Auth: s.auth(dir), TrustedProxies: s.proxies()}
	admin := Admin{Listen: a.listen(defaultAdminListen), Token: a.token(), TLS: a.tls(dir)}
	// A token that was given wrongly has its own mistake.
	if admin.Token == "" && !IsLoopback(admin.Listen) && !a.tokenBroken() {
		a.note(a.line("listen"), "the control plane listens on %s, which other machines can reach, so it needs a token: set admin.token, or listen on 127.0.0.1", a.n.get("listen").show())
	}
	if server.Listen == admin.Listen && !strings.HasSuffix(server.Listen, ":0") {
		a.note(a.line("listen"), "server and admin listen on the same address; give them two ports")
	}
	return server, admin
}

func (s *section) listen(def string) string {
	addr := s.text("listen", def)
	if wrong := checkListen(addr); wrong != "" {
		n := s.n.get("listen")
		s.note(n.line, "%s %s %s", s.key("listen"), n.show(), wrong)
		return def
	}
	return addr
}

// token may be empty: it is how ${EDGECACHE_TOKEN:-} says that there is none.
func (s *section) token() string {
	n := s.value("token")
	if n == nil {
		return ""
	}
	if n.kind != kindString {
		s.wrong("token", n, "text")
		return ""
	}
	token := strings.TrimSpace(n.text)
	for i := 0; i < len(token); i++ {
		if token[i] <= ' ' || token[i] > '~' {
			s.note(n.line, "token of admin must be printable ASCII without spaces, since it travels in a header")
			return ""
		}
	}
	return token
}

func (s *section) tokenBroken() bool {
	n := s.n.get("token")
	return n != nil && n.kind != kindNull && (n.kind != kindString || strings.TrimSpace(n.text) != "")
}

func (r *reader) store(top *section, dir string) Store {
	s := r.section(top.n.get("store"), "store", "", storeTable)
	return Store{
		Path:      within(dir, s.text("path", memory)),
		MaxMemory: s.size("max_memory", defaultMaxMemory),
	}
}

// within makes a file name absolute; names that are no files stay.
func within(dir, name string) string {
	if name == "" || name == memory || strings.HasPrefix(name, "file:") || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

func (r *reader) defaults(top *section) Defaults {
	s := r.section(top.n.get("defaults"), "defaults", "", defaultsTable)
	return Defaults{
		TTL:         s.duration("ttl", defaultTTL, 1),
		Consistency: s.oneOf("consistency", Strict, Strict, Eventual),
		Rehydrate:   s.oneOf("rehydrate", Eager, Eager, Lazy, Off),
	}
}

func (r *reader) sources(top *section, dir string) []*Source {
	n := top.n.get("sources")
	if n == nil || n.kind == kindNull || n.kind == kindMap && len(n.pairs) == 0 {
		line := 0
		if n != nil {
			line = n.line
		}
		top.note(line, "sources is missing; name at least one, such as sources: {main: {driver: sqlite, dsn: shop.db}}")
		return nil
	}
	if n.kind != kindMap {
		if n.kind != kindBroken {
			top.note(n.line, "sources takes a map from names to sources, not %s", n.kind)
		}
		return nil
	}
	var out []*Source
	for _, p := range n.pairs {
		if !r.step() {
			return out
		}
		if !isName(p.key) {
			r.note(p.line, "", "the source name %s must have 1 to 64 letters, digits, dots, dashes or underscores", quote(p.key))
			continue
		}
		out = append(out, r.source(p, dir))
	}
	return out
}

// minPoll is the shortest poll: a look takes some ten microseconds, and the
// place of a write.
const minPoll = time.Millisecond

// poll reads how often a source is looked at; 0 in the file is never, which is
// less than zero here.
func (s *section) poll() time.Duration {
	const absent = -2
	switch d := s.duration("poll", absent, 0); {
	case d == absent:
		return 0
	case d == 0:
		return -1
	case d < minPoll:
		s.note(s.line("poll"), "%s is %s; it must be at least 1ms, or 0 for never", s.key("poll"), s.n.get("poll").show())
		return 0
	default:
		return d
	}
}

func isName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// source reads one. Keys that only another driver reads are allowed and have
// no effect, so that a source can change its driver by one line.
func (r *reader) source(p pair, dir string) *Source {
	s := r.section(p.value, "source "+p.key, "", sourceTable)
	src := &Source{
		Name:     p.key,
		Line:     p.line,
		LastLine: max(p.line, p.value.lastLine()),
		Driver:   s.oneOf("driver", DriverSQLite, DriverSQLite, DriverMySQL, DriverHTTP),
		DSN:      s.text("dsn", ""),
		Init:     within(dir, s.text("init", "")),
		Schema:   within(dir, s.text("schema", "")),
		Unmapped: s.oneOf("unmapped", "pass", "pass", "cache"),
		Poll:     s.poll(),
	}
	if !s.has("dsn") && p.value.kind != kindBroken {
		s.note(p.line, "source %s has no dsn: a database file for sqlite, user:password@tcp(host:3306)/database for mysql, a base URL for http", p.key)
	}
	switch src.Driver {
	case DriverSQLite:
		src.DSN = within(dir, src.DSN)
	case DriverHTTP:
		if u, err := url.Parse(src.DSN); src.DSN != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			s.note(s.line("dsn"), "dsn of source %s must be a base URL, such as http://127.0.0.1:3000", p.key)
		}
	}
	return src
}
