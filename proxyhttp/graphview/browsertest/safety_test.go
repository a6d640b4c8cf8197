//go:build browser

package browsertest

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// hostile is what an attacker would like to be taken for more than text.
const hostile = `<script>pwned=1</script>"'><img src=x onerror=pwned=1>` + "\u202e\u2066gpj.\u200b\u0007`${pwned=1}`"

// TestPageTreatsNamesAsText puts hostile text wherever text comes from others:
// an endpoint's name, a URL, a parameter, a predicate, a write, a problem.
func TestPageTreatsNamesAsText(t *testing.T) {
	name := strings.NewReplacer("${", "$${", "\u202e", `\u202e`, "\u2066", `\u2066`, "\u200b", `\u200b`, "\u0007", "", `"`, `\"`).Replace(hostile)
	s := serve(t, "", "\n  - name: \""+name+"\"\n    route: GET /v1/hostile\n    sql: SELECT id, first_name FROM users WHERE first_name = :q OR city = '<img src=x onerror=pwned=1>'\n")
	s.do(t, "GET", "/v1/hostile?q="+url.QueryEscape(hostile), "")
	s.do(t, "GET", "/v1/users?firstName="+url.QueryEscape(hostile), "")
	b := open(t, s, "")
	b.wait(entryCards + " === 2")
	harmless := func(when string) {
		t.Helper()
		if js[bool](b, "'pwned' in window || document.querySelectorAll('script').length !== 1 || document.querySelectorAll('img, iframe, [onerror]').length > 0") {
			t.Errorf("%s: hostile text came alive", when)
		}
		if js[bool](b, `/[\u202e\u2066\u200b\u0007]/.test(document.body.innerText)`) {
			t.Errorf("%s: a direction mark is not made visible", when)
		}
	}
	harmless("loaded")
	for _, selector := range []string{".card.entry", ".card.endpoint", ".card.table"} {
		for i := range js[int](b, "document.querySelectorAll('"+selector+"').length") {
			b.perform(fmt.Sprintf("document.querySelectorAll(%q)[%d].click()", selector, i))
			b.wait("document.querySelector('#details.filled')")
			harmless(selector)
		}
	}
	if text := js[string](b, "document.querySelector('#bands').innerText"); !strings.Contains(text, `<script>pwned=1</script>"'>`) || !strings.Contains(text, `\u{202e}`) {
		t.Errorf("hostile text is not shown as it is:\n%s", text)
	}
	b.shoot("light-hostile")
	b.typeIn("#write", "UPDATE users SET first_name = '<img src=x onerror=pwned=1>' WHERE id = '123-abc'"+kb.Enter)
	b.wait("!document.querySelector('#verdict').hidden")
	harmless("verdict")
	b.typeIn("#write", "<img src=x onerror=pwned=1>"+kb.Enter)
	b.wait("!document.querySelector('#problem').hidden")
	harmless("problem")
	if !js[bool](b, "(() => { try { document.body.innerHTML = '<b>x</b>'; return false } catch { return true } })()") {
		t.Error("the policy lets strings become HTML")
	}
	b.quiet("400 (Bad Request)", "TrustedHTML", "Trusted Type")
}

// TestPageAsksForTheToken: without one there is no data, a wrong one is
// refused, the right one stays in the tab.
func TestPageAsksForTheToken(t *testing.T) {
	s := serve(t, "s3cret", "")
	s.fill(t)
	b := open(t, s, "")
	b.wait("!document.querySelector('#tokenForm').hidden && document.activeElement.id === 'token'")
	if text := js[string](b, "document.body.innerText"); strings.Contains(text, "/v1/users") {
		t.Errorf("there is data without a token:\n%s", text)
	}
	b.shoot("light-token")
	b.typeIn("#token", "wrong"+kb.Enter)
	b.wait("document.querySelector('#token').getAttribute('aria-invalid') === 'true'")
	b.typeIn("#token", "s3cret"+kb.Enter)
	b.wait(entryCards + " === 21")
	b.run(chromedp.Reload())
	b.wait(entryCards + " === 21")
	if js[bool](b, "localStorage.length > 0 || document.cookie !== '' || location.href.includes('s3cret')") {
		t.Error("the token is kept where it should not be")
	}
	b.click("#forget")
	b.wait("!document.querySelector('#tokenForm').hidden && document.querySelector('#app').hidden && sessionStorage.length === 0")
	b.quiet("401 (Unauthorized)")
}

// TestPageByKeyboard reaches a cause and a verdict without a mouse.
func TestPageByKeyboard(t *testing.T) {
	s := serve(t, "", "")
	b := open(t, s, "")
	b.wait("document.querySelector('.empty')")
	if text := js[string](b, "document.querySelector('.empty').innerText"); !strings.Contains(text, "Nothing is cached yet") || !strings.Contains(text, "/v1/users'") {
		t.Errorf("with nothing cached: %s", text)
	}
	b.shoot("light-empty")
	s.fill(t)
	b.keys("r")
	b.wait(entryCards + " === 21")
	b.keys("/")
	b.wait("document.activeElement.name === 'search'")
	b.keys(kb.Escape)
	b.keys("w")
	b.wait("document.activeElement.id === 'write'")
	for range 40 { // to the first table
		if js[bool](b, "document.activeElement.matches('.card.table')") {
			break
		}
		b.keys(kb.Tab)
	}
	b.keys(kb.ArrowRight)
	b.wait("document.activeElement.matches('.card.endpoint')")
	b.keys(kb.ArrowRight, kb.ArrowDown)
	b.wait("document.activeElement.matches('.card.entry')")
	url := js[string](b, "document.activeElement.querySelector('.url').textContent")
	b.keys(kb.Enter)
	b.wait("document.querySelector('#details h2').textContent === " + "'" + url + "'")
	if !js[bool](b, "document.activeElement.matches('.card.entry[aria-pressed=true]') && getComputedStyle(document.activeElement).outlineStyle !== 'none'") {
		t.Error("the focus is lost, or cannot be seen")
	}
	b.keys(kb.Escape)
	b.wait("!document.querySelector('#details.filled') && document.activeElement.matches('.card.entry')")
	b.click("#live")
	s.do(t, "GET", "/v1/users/102-abc", "")
	b.wait(entryCards + " === 22")
	b.quiet()
}
