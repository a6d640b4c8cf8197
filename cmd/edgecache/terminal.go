package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// screen is where a command prints for people. It knows whether a terminal is
// there: only then lines are wrapped, and coloured unless that is not wanted.
type screen struct {
	io.Writer
	terminal bool
	width    int // columns; 0: lines are as long as they are
	colored  bool
}

// colorFlag is --color, of every command.
func colorFlag(root *cobra.Command) {
	root.PersistentFlags().String("color", "auto", "colour the output: auto (on a terminal, unless NO_COLOR or TERM=dumb), always or never")
	_ = root.RegisterFlagCompletionFunc("color", fixed("auto", "always", "never"))
}

// narrowest is the width below which wrapping would do more harm than good.
const narrowest = 40

// newScreen looks at what the command prints to.
func newScreen(cmd *cobra.Command) (*screen, error) {
	s := &screen{Writer: cmd.OutOrStdout()}
	if f, ok := s.Writer.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.terminal = true
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			s.width = max(w, narrowest)
		}
	}
	mode, err := cmd.Flags().GetString("color")
	if err != nil {
		mode = "auto"
	}
	switch mode {
	case "always":
		s.colored = true
	case "never":
	case "auto":
		s.colored = s.terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	default:
		return nil, fmt.Errorf("--color is auto, always or never, not %q", mode)
	}
	return s, nil
}

// style is how a word stands out.
type style string

const (
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
)

// in colours text, where there is colour.
func (s *screen) in(st style, text string) string {
	if !s.colored || text == "" {
		return text
	}
	return "\x1b[" + string(st) + "m" + text + "\x1b[0m"
}

// visible counts the columns of a text: one a character, none for colours.
func visible(text string) int {
	n := utf8.RuneCountInString(text)
	for {
		i := strings.Index(text, "\x1b[")
		if i < 0 {
			return n
		}
		end := strings.IndexByte(text[i:], 'm')
		if end < 0 {
			return n
		}
		n -= end + 1
		text = text[i+end+1:]
	}
}

// line prints text behind indent. What does not fit goes on below, two columns
// further in.
func (s *screen) line(indent, text string) {
	if s.width == 0 {
		fmt.Fprintln(s, indent+text)
		return
	}
	for i, l := range wrap(text, s.width-len(indent)-2) {
		if i > 0 {
			l = "  " + l
		}
		fmt.Fprintln(s, indent+l)
	}
}

// plain makes control characters of a text from elsewhere visible, so that what
// is in a database cannot play tricks on the terminal.
func plain(text string) string {
	if strings.IndexFunc(text, unicode.IsControl) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unicode.IsControl(r) {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// wrap cuts text at blanks into lines of at most width columns; only a word
// that is longer than a line is cut itself.
func wrap(text string, width int) []string {
	width = max(width, 8)
	var out []string
	for _, para := range strings.Split(text, "\n") {
		blanks := len(para) - len(strings.TrimLeft(para, " "))
		line, n := para[:blanks], 0
		para = para[blanks:]
		for _, word := range strings.Split(para, " ") {
			w := visible(word)
			if n > 0 && blanks+n+1+w > width {
				out = append(out, line)
				line, n = strings.Repeat(" ", blanks), 0
			}
			for blanks+w > width && blanks < width/2 {
				head, rest := cutAt(word, width-blanks)
				out = append(out, line+head)
				word, w = rest, visible(rest)
				line = strings.Repeat(" ", blanks)
			}
			if n > 0 {
				line, n = line+" ", n+1
			}
			line, n = line+word, n+w
		}
		out = append(out, line)
	}
	return out
}

// cutAt cuts behind the nth visible character.
func cutAt(text string, n int) (head, rest string) {
	colour := false
	for i, r := range text {
		switch {
		case r == '\x1b':
			colour = true
		case colour:
			colour = r != 'm'
		case n == 0:
			return text[:i], text[i:]
		default:
			n--
		}
	}
	return text, ""
}
