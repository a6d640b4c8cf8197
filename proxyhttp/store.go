package proxyhttp

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"os"

	"edgecache/depgraph"
	"edgecache/proxyhttp/config"
	"edgecache/source"
	"edgecache/source/sqlite"
	"edgecache/sqlparse"
)

// keptFormat is the version of what a Fingerprint and a payload are made of.
const keptFormat = 1

// openStore opens the store, if there is one, and makes what stands on it.
func (s *Server) openStore(o *Options) (err error) {
	if s.vault, err = s.openVault(o.storeFault); err != nil {
		return err
	}
	if s.vault != nil && o.Mappings == nil {
		o.Mappings = s.vault
	}
	s.mapper = newMapper(*o)
	s.graph, err = depgraph.New(depgraph.Options{MaxBytes: s.cfg.Store.MaxMemory, Now: s.now, Vault: s.vault, Sabotage: o.Sabotage})
	if err != nil && s.vault != nil {
		err = errors.Join(err, s.vault.Close(nil))
	}
	return err
}

// openVault opens the store of the configuration; nil: there is none.
func (s *Server) openVault(fault func(op string) error) (*depgraph.Vault, error) {
	path := s.cfg.Store.Path
	if path == "" || path == ":memory:" {
		return nil, nil
	}
	for _, c := range s.cfg.Sources {
		if sameFile(path, c) {
			return nil, errors.New("store.path and the database of source " + c.Name + " are one file; give the store a file of its own")
		}
	}
	return depgraph.OpenVault(depgraph.VaultOptions{Path: path, Append: appendResponse, Log: s.log, Fault: fault})
}

// sameFile tells whether the store is named like a database, or is one.
func sameFile(path string, c *config.Source) bool {
	if c.Driver != config.DriverSQLite {
		return false
	}
	db, err := sqlite.FilePath(c.DSN)
	if err != nil {
		return false
	}
	a, errA := os.Stat(path)
	b, errB := os.Stat(db)
	return path == db || errA == nil && errB == nil && os.SameFile(a, b)
}

// appendResponse prints a payload for the store.
func appendResponse(dst []byte, payload any) ([]byte, bool) {
	p, ok := payload.(*response)
	if !ok || p.status != http.StatusOK && p.status != http.StatusNotFound {
		return dst, false
	}
	dst = binary.AppendUvarint(append(dst, keptFormat), uint64(p.status))
	return append(dst, p.body...), true
}

// readResponse reads it back; nil: it is none. The header values are made from
// the body, as they were.
func readResponse(b []byte) *response {
	if len(b) == 0 || b[0] != keptFormat {
		return nil
	}
	status, n := binary.Uvarint(b[1:])
	if n <= 0 {
		return nil
	}
	switch body := b[1+n:]; status {
	case http.StatusOK:
		return newResponse(body)
	case http.StatusNotFound:
		return newNotFound(body)
	}
	return nil
}

// fingerprint stands for everything but data and arguments that makes an
// answer and its key: the endpoint as configured, the statement as compiled,
// the tables that it reads, and this program. It errs on the side of being
// another one, which costs a read.
func (c *compiler) fingerprint(v *variant, version string) string {
	t := v.statements[0].Template
	made, err := json.Marshal(struct {
		Format            int
		Version, Database string
		Dialect           sqlparse.Dialect
		Endpoint          *config.Endpoint
		Variant           string
		Params            []sqlparse.Param
		Columns           []source.OutputColumn
		Tables            []*source.Table
	}{keptFormat, version, c.database, c.dialect, c.cfg, v.name, t.Params, t.Columns, c.readTables(v)})
	if err != nil {
		return rand.Text() // what cannot be compared is never the same
	}
	sum := sha256.Sum256(made)
	return string(sum[:16])
}

// readTables lists the tables that the variant reads, each once.
func (c *compiler) readTables(v *variant) []*source.Table {
	var out []*source.Table
	seen := map[*source.Table]bool{}
	for _, o := range v.template.Occurrences {
		if t := c.schema.Table(o.TableName()); t != nil && !seen[t] {
			seen[t] = true
			out = append(out, t)
		}
	}
	return out
}
