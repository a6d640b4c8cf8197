package mariadb

import "strings"

// Split cuts a script into statements at each line that ends in a semicolon;
// a statement of several with BEGIN ... END ends at END;.
func Split(script string) []string {
	var out []string
	var b strings.Builder
	block := false
	for _, line := range strings.Split(script, "\n") {
		trimmed := strings.TrimSpace(line)
		b.WriteString(line + "\n")
		if strings.HasSuffix(strings.ToUpper(trimmed), "BEGIN") {
			block = true
		}
		if block && strings.ToUpper(trimmed) != "END;" || !strings.HasSuffix(trimmed, ";") {
			continue
		}
		block = false
		out = append(out, strings.TrimSuffix(strings.TrimSpace(b.String()), ";"))
		b.Reset()
	}
	if rest := strings.TrimSpace(b.String()); rest != "" {
		out = append(out, rest)
	}
	return out
}
