package sqlparse

// Truth is the value of a condition on a row: SQL's three, and Undecided,
// which says that we cannot evaluate it. They are never merged.
type Truth uint8

const (
	Undecided Truth = iota // the zero value, so that a forgotten case widens
	False
	NullTruth // SQL's Unknown
	True
)

func (t Truth) String() string {
	return [...]string{"undecided", "false", "unknown", "true"}[t]
}

// MayMatch tells whether a row with this truth can be selected.
func (t Truth) MayMatch() bool { return t == True || t == Undecided }
