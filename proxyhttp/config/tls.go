package config

// TLS names the files of a certificate and of its key, both absolute.
type TLS struct {
	Cert, Key string
	Line      int
}

// tls reads server.tls or admin.tls; nil when there is none.
func (s *section) tls(dir string) *TLS {
	n := s.value("tls")
	if n == nil {
		return nil
	}
	t := s.r.section(n, s.where+".tls", "", tlsTable)
	for _, key := range []string{"cert", "key"} {
		if n.kind == kindMap && !t.has(key) {
			t.note(n.line, "%s is missing; tls takes cert and key, two PEM files", t.key(key))
		}
	}
	return &TLS{Cert: within(dir, t.text("cert", "")), Key: within(dir, t.text("key", "")), Line: n.line}
}
