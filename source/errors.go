package source

import "errors"

// ErrorKind tells what sort of trouble the source had, which decides the
// status of the answer.
type ErrorKind uint8

const (
	ErrInternal    ErrorKind = iota // our own bug, or an error nobody foresaw
	ErrInvalid                      // the SQL or an argument is wrong for this database
	ErrConstraint                   // a constraint refused the write
	ErrBusy                         // locked by somebody else; may work later
	ErrUnavailable                  // absent, unreadable, disk full, connection lost
	ErrTimeout                      // took longer than allowed
	ErrTooLarge                     // more rows or bytes than allowed
	ErrOversize                     // the statement or an argument is larger than the database takes
)

func (k ErrorKind) String() string {
	return [...]string{"internal", "invalid", "constraint", "busy", "unavailable", "timeout", "too large", "oversize"}[k]
}

// Error is every error that a Source returns. Message is fit for a client: it
// names no file, DSN or secret. Err is for the log.
type Error struct {
	Kind    ErrorKind
	Message string
	Err     error
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first *Error in err's chain, else ErrInternal.
func KindOf(err error) ErrorKind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ErrInternal
}
