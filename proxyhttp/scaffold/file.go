package scaffold

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"edgecache/source"
)

// Options say what the file says of its source.
type Options struct {
	Driver string // sqlite or mysql
	// DSN stands in the file as it is. It must hold no password: for a server
	// it is ${EDGECACHE_DSN}.
	DSN string
	// Name is what people call the database, for the comment at the top.
	Name string
}

// File is a mapping file in the making.
type File struct {
	o      Options
	tables []*maker
}

// Read makes the endpoints of everything in the database.
func Read(ctx context.Context, src source.Source, o Options) (*File, error) {
	c := &catalog{ctx: ctx, src: src, mysql: o.Driver == "mysql"}
	tables, err := c.tables()
	if err != nil {
		return nil, err
	}
	f := &File{o: o}
	slugs := names{}
	for _, t := range tables {
		m := &maker{table: t, mysql: c.mysql, slug: strings.ReplaceAll(slugs.unique(slug(t.name)), "__", "_")}
		m.base = "/v1/" + m.slug
		m.make()
		f.tables = append(f.tables, m)
	}
	return f, nil
}

// Tables and Endpoints count what the file maps.
func (f *File) Tables() (n int) {
	for _, m := range f.tables {
		if len(m.standing()) > 0 {
			n++
		}
	}
	return n
}

func (f *File) Endpoints() (n int) {
	for _, m := range f.tables {
		n += len(m.standing())
	}
	return n
}

// LeftOut lists what the file maps not, or not whole, with the reason.
func (f *File) LeftOut() (out []string) {
	for _, m := range f.tables {
		for _, c := range m.comments {
			if !m.view || m.why != "" { // a list is all that a view can have
				out = append(out, m.name+": "+c)
			}
		}
		for _, e := range m.out {
			if e.dropped != "" {
				out = append(out, m.name+": no "+e.route+": "+e.dropped)
			}
		}
	}
	return out
}

// Drop takes an endpoint back, and says why in its place. It tells whether
// there was one of that name.
func (f *File) Drop(name, why string) bool {
	for _, m := range f.tables {
		for _, e := range m.out {
			if e.name == name && e.dropped == "" {
				e.dropped = why
				return true
			}
		}
	}
	return false
}

func (m *maker) standing() (out []*endpoint) {
	for _, e := range m.out {
		if e.dropped == "" {
			out = append(out, e)
		}
	}
	return out
}

// YAML prints the file.
func (f *File) YAML() []byte {
	p := &printer{}
	p.comment("", "A first mapping of "+f.o.Name+", made by edgecache init. It opens every table below to whoever "+
		"reaches the data plane (127.0.0.1:8080): take out what clients should not see or change.")
	p.comment("", "")
	p.comment("", "PUT replaces a row: what the body leaves out gets its default, or NULL. PATCH changes what the body names.")
	p.comment("", "")
	p.comment("", "  edgecache check -c FILE    shows what each endpoint reads and how precisely writes are matched")
	p.comment("", "  edgecache serve -c FILE    serves it")
	p.line("sources:")
	p.line("  main:")
	p.line("    driver: " + f.o.Driver)
	if strings.HasPrefix(f.o.DSN, "${") {
		p.comment("    ", "The DSN is not written here, for it may hold a password.")
		p.comment("    ", "  export EDGECACHE_DSN='user:password@tcp(host:3306)/database'")
		p.line("    dsn: " + f.o.DSN)
	} else {
		p.line("    dsn: " + scalar(f.o.DSN))
	}
	if f.Endpoints() == 0 {
		p.line("endpoints: []")
	} else {
		p.line("endpoints:")
	}
	for _, m := range f.tables {
		p.table(m)
	}
	return []byte(p.String())
}

type printer struct{ strings.Builder }

func (p *printer) line(s string) { p.WriteString(s + "\n") }

const commentWidth = 96

// comment prints a text as comment lines.
func (p *printer) comment(indent, text string) {
	text = oneLine(text)
	if text == "" || strings.HasPrefix(text, " ") {
		p.line(strings.TrimRight(indent+"# "+text, " "))
		return
	}
	line := ""
	for _, w := range strings.Fields(text) {
		if line != "" && len(line)+1+len(w) > commentWidth {
			p.line(indent + "# " + line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+w, " ")
	}
	p.line(indent + "# " + line)
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == '\uFFFD' || r == '\uFEFF' {
			return ' '
		}
		return r
	}, s)
}

func (p *printer) table(m *maker) {
	p.line("")
	p.comment("  ", m.name)
	for _, c := range m.comments {
		p.comment("  ", c)
	}
	for _, e := range m.out {
		if e.dropped != "" {
			p.comment("  ", "Not mapped: "+e.route+": "+e.dropped)
			continue
		}
		p.endpoint(e)
	}
}

func (p *printer) endpoint(e *endpoint) {
	p.line("  - name: " + scalar(e.name))
	for _, c := range e.comments {
		p.comment("    ", c)
	}
	p.line("    route: " + scalar(e.route))
	if e.result != "" {
		p.line("    result: " + e.result)
	}
	p.line("    sql: |")
	for _, l := range strings.Split(e.sql, "\n") {
		p.line("      " + strings.ReplaceAll(l, "${", "$${"))
	}
	declared := map[string]bool{}
	for i, d := range e.params {
		if i == 0 {
			p.line("    params:")
		}
		if declared[d.name] {
			continue
		}
		declared[d.name] = true
		line := "      " + d.name + ": " + d.decl
		if d.comment != "" {
			line += " # " + d.comment
		}
		p.line(line)
	}
}

var plainScalar = regexp.MustCompile(`^[\pL_./][\pL\pN_./{} -]*$`)

// scalar prints a YAML string, plain where it cannot be taken for anything
// else.
func scalar(s string) string {
	s = strings.ReplaceAll(s, "${", "$${")
	switch strings.ToLower(s) {
	case "true", "false", "yes", "no", "on", "off", "null", "y", "n":
		return strconv.Quote(s)
	}
	if plainScalar.MatchString(s) && !strings.HasSuffix(s, " ") {
		return s
	}
	return fmt.Sprintf("%q", s)
}
