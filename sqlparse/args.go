package sqlparse

import "edgecache/source"

// Arg is what one parameter is bound to: a single value, or, for a list
// parameter, any number of them.
type Arg struct {
	Value  source.Value
	List   []source.Value
	IsList bool
}

// One binds a single value.
func One(v source.Value) Arg { return Arg{Value: v} }

// List binds the values of a list parameter.
func List(vs ...source.Value) Arg { return Arg{List: vs, IsList: true} }

// items are the values that an item of IN (...) stands for. A list parameter
// that was left out is NULL there, as everywhere.
func (a Arg) items() []source.Value {
	if a.IsList {
		return a.List
	}
	return []source.Value{a.Value}
}

// single is the value outside of IN (...): of a list, how many values it has,
// so that :ids IS NULL tells whether it was given.
func (a Arg) single() source.Value {
	if a.IsList {
		return source.Int(int64(len(a.List)))
	}
	return a.Value
}

// Args binds every parameter of a Template, in the order of Template.Params.
type Args []Arg
