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

// Args binds every parameter of a Template, in the order of Template.Params.
type Args []Arg
