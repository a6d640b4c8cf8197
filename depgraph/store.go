package depgraph

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tidwall/buntdb"
)

// store is the only door to buntdb. It walls off the six ways in which buntdb
// loses an item without saying so (FACTS.md; store_test.go shows each on a raw
// database, and that it cannot come through here):
//
//	1  a rectangle without sides, or with unequal ones, is stored but not
//	   indexed                               encodeRect refuses it
//	2  a search with malformed bounds finds nothing      encodeRect refuses it
//	3  a bad number reads as 0, an inverted interval is swapped
//	                                         numbers are bytes, not text; ordered
//	4  a NaN box is found by some searches   encodeRect refuses it
//	5  Intersects returns expired items      no item is ever given an expiry
//	6  Set inside Intersects is not refused  a reader cannot write: searches run
//	                                         in read transactions and only collect
//
// The spatial indexes are all made while the database is empty: making one
// later scans every key.
type store struct {
	db *buntdb.DB
	// fault, when set by a test, may fail the operation that it is shown.
	fault func(op string) error
}

// item is one key with its value.
type item struct{ key, value string }

func openStore() (*store, error) {
	db, err := buntdb.Open(":memory:")
	if err != nil {
		return nil, err
	}
	for slot := 0; slot < maxSpatial; slot++ {
		name := spatialName(slot)
		if err := db.CreateSpatialIndex(name, name+":*", decodeRect); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return &store{db: db}, nil
}

func (s *store) close() error { return s.db.Close() }

func (s *store) failing(op string) error {
	if s.fault == nil {
		return nil
	}
	return s.fault(op)
}

// apply removes and adds items in one transaction: all of it happens, or an
// error is returned and nothing has happened. A key to remove must exist and a
// key to add must not; either is an error of programming.
func (s *store) apply(remove []string, add []item) error {
	return s.db.Update(func(tx *buntdb.Tx) (err error) {
		defer asError(&err)
		for _, k := range remove {
			if err := s.failing("delete"); err != nil {
				return err
			}
			if _, err := tx.Delete(k); err != nil {
				return fmt.Errorf("depgraph: delete %s: %w", k, err)
			}
		}
		for _, it := range add {
			if err := s.failing("set"); err != nil {
				return err
			}
			if err := checkItem(it); err != nil {
				return err
			}
			if _, replaced, err := tx.Set(it.key, it.value, nil); err != nil {
				return fmt.Errorf("depgraph: set %s: %w", it.key, err)
			} else if replaced {
				return fmt.Errorf("depgraph: set %s: it exists already", it.key)
			}
		}
		return s.failing("commit")
	})
}

// asError turns a panic into an error, since buntdb would commit what was done
// before the panic.
func asError(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("depgraph: panic in the store: %v", p)
	}
}

// checkItem is the door for writes: a spatial item carries a rectangle.
func checkItem(it item) error {
	if !strings.HasPrefix(it.key, "s") {
		return nil
	}
	lo, hi := decodeRect(it.value)
	if _, err := encodeRect(lo, hi); err != nil {
		return fmt.Errorf("%w: item %s", err, it.key)
	}
	return nil
}

// reader collects from one consistent state of the store.
type reader struct {
	s  *store
	tx *buntdb.Tx
}

// view runs fn in a read transaction.
func (s *store) view(fn func(r reader) error) error {
	return s.db.View(func(tx *buntdb.Tx) (err error) {
		defer asError(&err)
		return fn(reader{s, tx})
	})
}

// scan appends to ids the entries of all items whose key begins with prefix,
// which ends in ':'.
func (r reader) scan(prefix string, ids []uint64) ([]uint64, error) {
	if err := r.s.failing("scan"); err != nil {
		return ids, err
	}
	if !strings.HasSuffix(prefix, ":") {
		return ids, fmt.Errorf("depgraph: scan of %q, which is no prefix", prefix)
	}
	after := prefix[:len(prefix)-1] + ";" // ';' follows ':'
	var bad error
	err := r.tx.AscendRange("", prefix, after, func(key, _ string) bool {
		id, ok := idOf(key)
		if !ok {
			bad = fmt.Errorf("depgraph: item %q names no entry", key)
			return false
		}
		ids = append(ids, id)
		return true
	})
	return ids, errors.Join(err, bad)
}

// search appends to ids the entries with a rectangle in the spatial index that
// holds the point.
func (r reader) search(slot int, point []float64, ids []uint64) ([]uint64, error) {
	bounds, err := encodeRect(point, point)
	if err != nil {
		return ids, err
	}
	return r.intersect(slot, bounds, ids)
}

func (r reader) intersect(slot int, bounds string, ids []uint64) ([]uint64, error) {
	if err := r.s.failing("search"); err != nil {
		return ids, err
	}
	var bad error
	err := r.tx.Intersects(spatialName(slot), bounds, func(key, _ string) bool {
		id, ok := idOf(key)
		if !ok {
			bad = fmt.Errorf("depgraph: item %q names no entry", key)
			return false
		}
		ids = append(ids, id)
		return true
	})
	return ids, errors.Join(err, bad)
}

// all calls fn for every item, in the order of keys. fn must not write.
func (r reader) all(fn func(key, value string)) error {
	return r.tx.Ascend("", func(key, value string) bool {
		fn(key, value)
		return true
	})
}
