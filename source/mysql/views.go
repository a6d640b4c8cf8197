package mysql

import (
	"context"
	"slices"
	"strings"
	"sync"

	"edgecache/source"
)

// A view that somebody else redefines would be noticed by the next look at the
// schema. Until then:
//
//	1 an endpoint was compiled when the view w read table a
//	2 somebody else makes w read b, and nobody has looked yet
//	3 a fill reads through the new w, and its answer is kept
//	4 a write to b through us finds nothing that reads b: the answer stays, stale
//
// So a query that names views runs in a transaction, and before that ends, after
// the rows were read, asks for their definitions. The metadata locks of the read
// hold the definitions until then, so what is told is what was read through. If
// it is not what the catalog has, the schema is loaded and told as changed
// before the answer is returned, and the fill is refused. Queries without views
// pay nothing.

// viewTexts are the definitions, as SHOW CREATE VIEW prints them, of one catalog.
type viewTexts struct {
	cat *catalog
	of  map[string]string // by name as declared: names may differ in case only

	mu    sync.Mutex
	reads map[string][]string // the views that a text reads, by text
}

// maxViewTexts bounds how many texts are known by the views they read; past it
// all are read anew.
const maxViewTexts = 1000

// viewsOf lists the views that a query may read, those within views included,
// as declared. As in reach, a name is looked for in the whole text.
func (v *viewTexts) viewsOf(sql string) []string {
	if len(v.of) == 0 {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if names, ok := v.reads[sql]; ok {
		return names
	}
	var out []string
	for todo := []string{sql}; len(todo) > 0; {
		mentioned := mentions(todo[0])
		todo = todo[1:]
		for name := range v.of {
			if mentioned.has(strings.ToLower(name)) && !slices.Contains(out, name) {
				out = append(out, name)
				todo = append(todo, v.of[name])
			}
		}
	}
	slices.Sort(out)
	if len(v.reads) >= maxViewTexts {
		clear(v.reads)
	}
	v.reads[sql] = out
	return out
}

// viewTexts returns the definitions that belong to the catalog of now; nil when
// the schema moves while they are read.
func (d *DB) viewTexts(ctx context.Context) (*viewTexts, error) {
	cat := d.catalog.Load()
	if v := d.views.Load(); v != nil && v.cat == cat {
		return v, nil
	}
	v := &viewTexts{cat: cat, of: map[string]string{}, reads: map[string][]string{}}
	same := true
	err := d.withControl(ctx, func(s *session) error {
		clear(v.of)
		views, err := s.texts(ctx, "SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()")
		for _, r := range views {
			if err == nil {
				v.of[r[0]], err = s.viewText(ctx, r[0])
			}
		}
		if err != nil || len(views) == 0 {
			return err
		}
		// They are the catalog's when the schema still is.
		now, err := fingerprint(ctx, s)
		same = now == cat.fingerprint
		return err
	})
	if err != nil || !same {
		return nil, err
	}
	d.views.Store(v)
	return v, nil
}

// hidden stands for a definition that we may not read. The catalog has no text
// of such a view either, so no answer that reads it is matched by it.
const hidden = "hidden"

// viewText is the definition of a view as it is now; "" when there is none.
func (s *session) viewText(ctx context.Context, name string) (string, error) {
	rows, err := s.texts(ctx, "SHOW CREATE VIEW "+quoteName(name))
	switch numberOf(err) {
	case 0:
	case 1142, 1143, 1345:
		return hidden, nil
	case 1146, 1347: // gone, or a table now
		return "", nil
	}
	if err != nil || len(rows) == 0 || len(rows[0]) < 2 {
		return "", err
	}
	return rows[0][1], nil
}

// readGuarded is read for a query of which views, if any, are looked at again.
// moved tells that one is not what the catalog has.
func (d *DB) readGuarded(ctx context.Context, s *session, st source.Statement, lim source.Limits, v *viewTexts) (res *source.Result, moved bool, err error) {
	var views []string
	if v != nil {
		views = v.viewsOf(st.SQL)
	}
	if len(views) == 0 {
		res, err = s.read(ctx, st, lim)
		return res, v == nil, err
	}
	if _, err = s.run(ctx, "START TRANSACTION"); err != nil {
		return nil, false, err
	}
	defer func() {
		if s.broken {
			return
		}
		if _, end := s.run(ctx, "COMMIT"); end != nil && err == nil {
			err = end
		} else if end != nil {
			s.broken = true
		}
	}()
	if res, err = s.read(ctx, st, lim); err != nil {
		return nil, false, err
	}
	if f := d.seams.afterRead; f != nil {
		f()
	}
	for _, name := range views {
		now, err := s.viewText(ctx, name)
		if err != nil {
			return nil, false, err
		}
		moved = moved || now != v.of[name]
	}
	return res, moved, nil
}

// told makes sure that a change of the schema that a query ran into is known
// before its answer is. Whatever becomes of it, everything is told as changed:
// then no answer that is on its way is kept.
func (d *DB) told(ctx context.Context, v *viewTexts) {
	d.tellMu.Lock()
	defer d.tellMu.Unlock()
	err := d.withControl(ctx, func(s *session) error {
		if v != nil && d.catalog.Load() != v.cat {
			return nil // another one was here first
		}
		_, err := d.reload(ctx, s)
		return err
	})
	if err != nil {
		d.schemaDebt.Store(true)
		d.o.Log.Warn("the schema could not be looked at", "source", d.o.Name, "error", wrap(ctx, err))
	}
	d.o.OnForeignWrite(&source.WriteSet{
		Source: d.o.Name, Everything: "a view was redefined by somebody else", SchemaChanged: true,
	})
}
