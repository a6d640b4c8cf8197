package sqlparse_test

import (
	"context"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"edgecache/source"
	"edgecache/sqlparse"
)

// stored is one answer kept over writes that were proved to leave it alone.
type stored struct {
	tpl  *sqlparse.Template
	args sqlparse.Args
	rows []source.Row
	held *sqlparse.Held
}

func (s *stored) fill(l *live) {
	s.rows = l.rows(s.tpl.Statement(s.args))
	s.held = s.tpl.Query.Hold(s.args, s.rows)
}

func (s *stored) visible(rows []source.Row) []source.Row {
	out := make([]source.Row, len(rows))
	for i, r := range rows {
		out[i] = r[:len(r)-s.tpl.Hidden()]
	}
	return out
}

// spared decides as the graph does, and counts the rules; nil is affected.
func (s *stored) spared(ws *source.WriteSet) []string {
	rules := []string{}
	for _, o := range s.tpl.Query.Occurrences {
		if _, whole := ws.Whole[o.TableName()]; whole || ws.Everything != "" {
			return nil
		}
	}
	for i := range ws.Changes {
		c := &ws.Changes[i]
		for _, o := range s.tpl.Query.Occurrences {
			if !strings.EqualFold(o.TableName(), c.Table) || o.Unchanged(c) {
				continue
			}
			region := o.Confined(s.args, s.held)
			may := func(r source.Row, region sqlparse.Region) bool {
				return r != nil && o.Match(s.args, r).MayMatch() && region.MayContain(r)
			}
			if !may(c.Before, region) && !may(c.After, region) {
				continue
			}
			region, _ = o.Region(s.args) // the index found it, now the rules must spare it
			before, after := may(c.Before, region), may(c.After, region)
			if !before && !after {
				continue
			}
			var partners *sqlparse.Partners
			if st, ok := o.Completion(c); ok && ws.Look != nil {
				if res, err := ws.Look(st, source.Limits{}); err == nil {
					partners = o.Complete(res.Rows)
				}
			}
			rule := o.Spared(s.args, s.held, partners, c, before, after)
			if rule == "" {
				return nil
			}
			rules = append(rules, rule)
		}
	}
	return append(rules, "spared")
}

// keeping keeps answers over writes and counts what decided about them.
type keeping struct {
	t            *testing.T
	r            *rand.Rand
	counts, vain map[string]int
}

func newKeeping(t *testing.T) *keeping {
	seed := rand.Uint64()
	if n, err := strconv.ParseUint(os.Getenv("EDGECACHE_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("EDGECACHE_SEED=%d", seed)
	return &keeping{t: t, r: rand.New(rand.NewPCG(seed, 0)), counts: map[string]int{}, vain: map[string]int{}}
}

// soakUntil is when a test that EDGECACHE_SOAK makes longer may end.
func soakUntil(t *testing.T) time.Time {
	v := os.Getenv("EDGECACHE_SOAK")
	if v == "" {
		return time.Time{}
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		t.Fatalf("EDGECACHE_SOAK: %v", err)
	}
	return time.Now().Add(d)
}

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

// round asks each query with so many arguments, and then makes writes of one to
// three statements.
func (k *keeping) round(l *live, queries []string, instances, writes int, arg func(name string) source.Value, write func() source.Statement) {
	var all []*stored
	for _, sql := range queries {
		tpl := l.compile(sql)
		for range instances {
			s := &stored{tpl: tpl}
			for _, p := range tpl.Params {
				s.args = append(s.args, sqlparse.One(arg(p.Name)))
			}
			s.fill(l)
			all = append(all, s)
		}
	}
	for range writes {
		var sts []source.Statement
		for range 1 + k.r.IntN(5)/3 + k.r.IntN(8)/7 {
			sts = append(sts, write())
		}
		k.write(l, all, sts)
	}
}

func (k *keeping) write(l *live, all []*stored, sts []source.Statement) {
	rules := make([][]string, len(all))
	images := ""
	_, err := l.Write(context.Background(), sts, func(ws *source.WriteSet) {
		images = ws.String()
		for i, s := range all {
			rules[i] = s.spared(ws)
		}
	})
	if err != nil {
		if kind := source.KindOf(err); kind != source.ErrConstraint && kind != source.ErrInvalid {
			k.t.Fatal(sts, err)
		}
		return // nothing was written
	}
	for i, s := range all {
		if rules[i] == nil {
			k.counts["affected"]++
			was := s.rows
			s.fill(l)
			if reflect.DeepEqual(s.visible(was), s.visible(s.rows)) {
				k.counts["in vain"]++
				k.vain[s.tpl.SQL]++
			}
			continue
		}
		now := l.rows(s.tpl.Statement(s.args))
		if !reflect.DeepEqual(s.visible(s.rows), s.visible(now)) {
			k.t.Fatalf("%s\nwith %v was spared by %v from %v\nimages %sheld %v\n now %v", s.tpl.SQL, s.args, rules[i], sts, images, s.rows, now)
		}
		for _, rule := range rules[i] {
			k.counts[rule]++
		}
	}
}

// report prints the counts; each of these rules must have been seen often.
func (k *keeping) report(rules ...string) {
	k.t.Log(k.counts)
	for sql, n := range k.vain {
		if 100*n > k.counts["in vain"] {
			k.t.Logf("%5d in vain: %s", n, sql)
		}
	}
	for _, rule := range rules {
		if k.counts[rule] < 50 {
			k.t.Errorf("%s was seen %d times only", rule, k.counts[rule])
		}
	}
}
