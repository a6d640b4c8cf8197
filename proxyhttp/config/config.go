// Package config reads the configuration file and says everything that is
// wrong with it at once.
//
// A file goes through three steps: its text becomes a tree of nodes that know
// their lines (go-yaml's parser; JSON is YAML), `${NAME}` in strings is
// replaced from the environment, and the tree is read key by key into a
// Config with all defaults filled in. A step that finds a mistake notes it,
// takes the default, and goes on, so that one run names them all; only text
// that is no YAML stops at its first error, since nothing after it has a
// meaning.
//
// A Config without mistakes is one that every other room may trust: names are
// unique, routes do not collide, sources exist, numbers are in range. When a
// value could be meant in two ways it is refused with a sentence that says how
// to write either. Mistakes never print a token, a DSN, or a value that came
// from the environment.
//
// The package opens no database and knows no SQL: whether a statement can be
// prepared, and which columns a parameter meets, is found out at start by its
// callers.
//
// `$${` writes a literal `${`; any other `$` is an ordinary character.
package config

import (
	"encoding/json"
	"net/netip"
	"time"
)

// Limits of a file. Passing one is a mistake, never a silent cut.
const (
	MaxFileBytes  = 4 << 20
	MaxEndpoints  = 10_000
	MaxStatements = 100  // of one endpoint
	MaxParams     = 100  // of one endpoint
	MaxChoices    = 1000 // of one parameter
	MaxVary       = 16
	MaxNameBytes  = 256
	MaxListValues = 10_000 // the largest `max` of a list parameter
	maxMistakes   = 1000
)

// DefaultListMax is how many values a list parameter takes unless `max` says
// otherwise.
const DefaultListMax = 100

// Config is a whole file with its defaults filled in.
type Config struct {
	File      string
	Server    Server
	Admin     Admin
	Store     Store
	Log       Log
	SelfCheck SelfCheck
	Sources   []*Source // in the file's order
	Defaults  Defaults
	Endpoints []*Endpoint // in the file's order
}

// Source returns the source of that name, or nil.
func (c *Config) Source(name string) *Source {
	for _, s := range c.Sources {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Server is the data plane.
type Server struct {
	Listen         string
	TLS            *TLS  // nil: plain HTTP
	CORS           *CORS // nil: pages of other origins are told nothing
	Auth           *Auth // nil: nobody is asked who they are
	TrustedProxies []netip.Prefix
}

// Admin is the control plane. Token is empty when none is asked for.
type Admin struct {
	Listen, Token string
	TLS           *TLS
}

// Store is where entries live. Path is ":memory:" or an absolute file.
type Store struct {
	Path      string
	MaxMemory int64
}

// Drivers of a source.
const (
	DriverSQLite = "sqlite"
	DriverMySQL  = "mysql"
	DriverHTTP   = "http"
)

// Source is one system of record. DSN, Init and Schema are absolute where
// they are files.
type Source struct {
	Name, Driver, DSN, Init, Schema, Unmapped string

	Poll           time.Duration // 0: the driver's default; less: never
	Line, LastLine int           // what the file gives to it
}

// Values of `consistency`, `rehydrate` and `result`.
const (
	Strict   = "strict"
	Eventual = "eventual"

	Eager = "eager"
	Lazy  = "lazy"
	Off   = "off"

	Many = "many"
	One  = "one"
)

// Defaults is what endpoints take unless they say otherwise.
type Defaults struct {
	TTL                    time.Duration
	Consistency, Rehydrate string
}

// Endpoint maps one route to SQL, with the file's defaults filled in.
type Endpoint struct {
	Name   string
	Route  string // as written: "GET /v1/users/{id}"
	Method string
	Path   string // "/v1/users/{id}"
	Source string
	SQL    []string
	Params map[string]*Param
	Result string

	TTL, ClientTTL         time.Duration
	Consistency, Rehydrate string

	StaleWhileRevalidate, StaleIfError time.Duration

	Vary  []string // canonical header names, sorted
	Cache bool

	// Auth is AuthRequired, AuthOptional or AuthNone; "" in a file that has no
	// server.auth.
	Auth string
	// MaxRows, MaxBytes and Timeout bound the answers and the time of the
	// statements; zero is the server's own limit.
	MaxRows  int
	MaxBytes int64
	Timeout  time.Duration

	DependsOn, Records, Tags []string

	Line, LastLine int // what the file gives to it
	lines          map[string]int
}

// Has tells whether the file, or what registered the endpoint, spells a key.
func (e *Endpoint) Has(key string) bool {
	_, ok := e.lines[lineKey(key)]
	return ok
}

// IsWrite tells whether the endpoint's method is one that writes.
func (e *Endpoint) IsWrite() bool { return e.Method != "GET" }

// LineOf returns the line of a key of the endpoint, as in
// LineOf("params", "limit"), and of the nearest key around it when the file
// does not spell it. It is 0 for an endpoint that did not come from a file.
func (e *Endpoint) LineOf(path ...string) int {
	for n := len(path); n > 0; n-- {
		if l, ok := e.lines[lineKey(path[:n]...)]; ok {
			return l
		}
	}
	return e.Line
}

// Types that a parameter can be declared with.
const (
	TypeInt     = "int"
	TypeFloat   = "float"
	TypeDecimal = "decimal"
	TypeString  = "string"
	TypeBool    = "bool"
	TypeGlob    = "glob"
	TypeList    = "list"
	TypeChoice  = "choice"
)

// Places that a parameter can be declared to come from.
const (
	InPath   = "path"
	InQuery  = "query"
	InBody   = "body"
	InHeader = "header"
	InClaim  = "claim"
)

// Param is what the file declares about one parameter.
type Param struct {
	Type     string // "" when undeclared: the column that it meets decides
	In       string // "" when undeclared: the route, then query or body
	Required bool
	// Default is a json.Number, string or bool, and for a list a []any of
	// them. HasDefault tells it from no default at all.
	Default    any
	HasDefault bool
	// Min and Max bound numbers; Max of a list bounds how many values it takes.
	Min, Max *json.Number
	Choices  []Choice // in the file's order
	// Claim is the dotted path of a claim, for InClaim; "" is the parameter's
	// own name.
	Claim string
	Line  int
}

// Choice is one allowed value, with the SQL that it stands for when the
// choices were given as a map.
type Choice struct {
	Value       string
	Fragment    string
	HasFragment bool
}

// HasFragments tells that the parameter's choices stand for SQL text.
func (p *Param) HasFragments() bool { return len(p.Choices) > 0 && p.Choices[0].HasFragment }
