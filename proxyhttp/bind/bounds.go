package bind

import (
	"encoding/json"
	"math/big"

	"edgecache/source"
)

// bounds are the least and the greatest number allowed.
type bounds struct{ min, max *bound }

// bound is one number in the forms that make comparing exact and cheap.
type bound struct {
	text  string
	exact *big.Rat
	// near is the float nearest to exact; no float lies between the two, so
	// side, which tells near from exact, decides only where a value is near.
	near float64
	side int
	// floor and ceil are the integers around exact, where they fit.
	floor, ceil     int64
	floorOK, ceilOK bool
}

func newBound(n *json.Number) *bound {
	if n == nil {
		return nil
	}
	r, ok := new(big.Rat).SetString(n.String())
	if !ok {
		return nil
	}
	b := &bound{text: n.String(), exact: r}
	b.near, _ = r.Float64()
	if near := new(big.Rat).SetFloat64(b.near); near != nil {
		b.side = near.Cmp(r)
	}
	floor, rem := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int))
	ceil := new(big.Int).Set(floor)
	if rem.Sign() != 0 {
		ceil.Add(ceil, big.NewInt(1))
	}
	b.floor, b.floorOK = floor.Int64(), floor.IsInt64()
	b.ceil, b.ceilOK = ceil.Int64(), ceil.IsInt64()
	return b
}

// below and above tell on which side of the bound a value lies.
func (b *bound) below(v source.Value) bool { return b.compare(v) < 0 }
func (b *bound) above(v source.Value) bool { return b.compare(v) > 0 }

func (b *bound) compare(v source.Value) int {
	switch v.Kind() {
	case source.KindInt:
		i := v.AsInt()
		switch {
		case !b.floorOK || !b.ceilOK:
			return -b.exact.Sign() // the bound lies beyond all integers
		case b.floor == b.ceil:
			return compare(i, b.floor)
		case i <= b.floor:
			return -1
		}
		return 1
	case source.KindFloat:
		f := v.AsFloat()
		switch {
		case f < b.near:
			return -1
		case f > b.near:
			return 1
		}
		return b.side
	case source.KindText:
		r, ok := new(big.Rat).SetString(v.AsText())
		if !ok {
			return 0
		}
		return r.Cmp(b.exact)
	}
	return 0
}

// check says which bound a value breaks.
func (b bounds) check(v source.Value) string {
	switch {
	case b.min != nil && b.min.below(v):
		return "must be at least " + b.min.text
	case b.max != nil && b.max.above(v):
		return "must be at most " + b.max.text
	}
	return ""
}
