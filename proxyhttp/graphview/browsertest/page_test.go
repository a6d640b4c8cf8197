//go:build browser

package browsertest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

const entryCards = "document.querySelectorAll('.card.entry').length"

// TestPageShowsTheGraph walks through what a user asks: what is cached, on
// what does it depend, what went and why, what would a write do.
func TestPageShowsTheGraph(t *testing.T) {
	s := serve(t, "", "")
	s.fill(t)
	b := open(t, s, "")
	b.wait(entryCards + " === 21")
	if n := js[int](b, "document.querySelectorAll('.card.table').length"); n != 5 {
		t.Errorf("%d tables", n)
	}
	b.wait("document.querySelectorAll('#edges path').length > 10")
	b.shoot("light-21")
	b.dark(true)
	b.shoot("dark-21")
	b.dark(false)

	b.typeIn("[name=search]", "ORDERS")
	b.wait(entryCards + " === 5")
	if q := js[string](b, "location.search"); !strings.Contains(q, "search=ORDERS") {
		t.Errorf("the address is %s", q)
	}
	b.click("#clear")
	b.wait(entryCards + " === 21")

	s.do(t, "PUT", "/v1/users/123-abc", `{"firstName":"Lena"}`)
	b.click("#refresh")
	b.clickText(".card.entry", "/v1/users/123-abc")
	b.wait("document.querySelector('#details .cause')")
	details := js[string](b, "document.querySelector('#details').innerText")
	for _, want := range []string{"users.update", "row", "users", "id = '123-abc'", "Expires", "users.get?id=t7:123-abc"} {
		if !strings.Contains(details, want) {
			t.Errorf("the details lack %q:\n%s", want, details)
		}
	}
	b.shoot("light-cause")

	b.clickText(".card.table", "orders")
	b.wait("document.querySelector('#details').innerText.includes('A write to it reaches at most')")
	details = js[string](b, "document.querySelector('#details').innerText")
	for _, want := range []string{"users.totals", "user_id = :id", "checkout", "placed_at"} {
		if !strings.Contains(details, want) {
			t.Errorf("the table's details lack %q:\n%s", want, details)
		}
	}
	b.shoot("light-table")
	b.quiet()
}

// TestPageTriesAWrite types writes of both forms and looks at what lights up.
func TestPageTriesAWrite(t *testing.T) {
	s := serve(t, "", "")
	s.fill(t)
	b := open(t, s, "")
	b.wait(entryCards + " === 21")
	b.typeIn("#write", `PUT /v1/users/123-abc {"firstName":"X"}`+kb.Enter)
	b.wait("document.querySelectorAll('.card.entry.hit').length")
	lit := js[[]string](b, "[...document.querySelectorAll('.card.entry.hit .url')].map((n) => n.textContent).sort()")
	want := js[[]string](b, `fetch('/v1/explain', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({method: 'PUT', url: '/v1/users/123-abc', body: {firstName: 'X'}})})
		.then((r) => r.json()).then((x) => x.entries.filter((e) => e.affected).map((e) => e.url).sort())`)
	if !slices.Equal(lit, want) || !slices.Contains(lit, "/v1/users/123-abc") || !slices.Contains(lit, "/v1/users?id=123*") {
		t.Errorf("lit: %v, affected: %v", lit, want)
	}
	if n := js[int](b, "document.querySelectorAll('.card.entry.spared .why').length"); n != 21-len(lit) {
		t.Errorf("%d entries are spared, %d lit", n, len(lit))
	}
	if text := js[string](b, "document.querySelector('#verdict').innerText"); !strings.Contains(text, fmt.Sprintf("%d of 21 entries affected", len(lit))) || !strings.Contains(text, "'Lane'") || !strings.Contains(text, "table") {
		t.Errorf("the verdict is %s", text)
	}
	b.shoot("light-write")
	b.dark(true)
	b.shoot("dark-write")
	b.typeIn("#write", "UPDATE products SET stock = 1 WHERE id = 4"+kb.Enter)
	b.wait("document.querySelector('#verdict').innerText.includes('UPDATE products')")
	if got := js[string](b, "[...document.querySelectorAll('.card.entry.hit .url')].map((n) => n.textContent).join(' ')"); !strings.Contains(got, "/v1/products/4") || strings.Contains(got, "users") {
		t.Errorf("lit: %s", got)
	}
	b.click("#writeClear")
	b.wait("document.querySelector('#verdict').hidden && !document.querySelector('.hit')")
	b.typeIn("#write", "UPDATE nope SET x = 1"+kb.Enter)
	b.wait("document.querySelector('#problem').innerText.includes('nope')")
	if name := s.do(t, "GET", "/v1/users/123-abc", ""); !strings.Contains(name, "Lane") {
		t.Errorf("trying changed the database: %s", name)
	}
	b.quiet("400 (Bad Request)")
}

// TestPageHoldsTenThousand bounds what the page is made of, whatever is cached.
func TestPageHoldsTenThousand(t *testing.T) {
	s := serve(t, "", "")
	var paths []string
	for i := range 8000 {
		paths = append(paths, fmt.Sprintf("/v1/users?limit=%d&offset=%d", 1+i%20, i/20))
	}
	for i := range 1500 {
		paths = append(paths, fmt.Sprintf("/v1/users/%d-abc", 100+i))
	}
	for i := range 500 {
		paths = append(paths, fmt.Sprintf("/v1/products?minPrice=%d", i))
	}
	work := make(chan string)
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for p := range work {
				s.do(t, "GET", p, "")
			}
		}()
	}
	for _, p := range paths {
		work <- p
	}
	close(work)
	wg.Wait()
	b := open(t, s, "")
	const nodes, bound = "document.querySelectorAll('*').length", 3000
	b.wait("document.querySelectorAll('.group').length === 3")
	if text := js[string](b, "document.querySelector('#totals').innerText"); !strings.Contains(text, "10,000 fresh") {
		t.Errorf("the totals are %s", text)
	}
	if n := js[int](b, nodes); n > bound {
		t.Errorf("%d nodes closed", n)
	}
	b.shoot("light-10000")
	b.clickText(".toggle", "8,000 entries")
	b.wait(entryCards + " === 50")
	if n := js[int](b, nodes); n > bound {
		t.Errorf("%d nodes opened", n)
	}
	b.shoot("light-10000-open")
	b.clickText(".pager button", "Next")
	b.wait("document.querySelector('.pager').innerText.includes('51 to 100 of 8,000')")
	b.choose("[name=limit]", "200")
	b.wait(entryCards + " === 200")
	if n := js[int](b, nodes); n > bound+2000 {
		t.Errorf("%d nodes with the longest page", n)
	}
	b.typeIn("#write", "UPDATE users SET city = 'Lima' WHERE id = '101-def'"+kb.Enter)
	b.wait("document.querySelector('#verdict').innerText.includes('of 10,000 entries affected')")
	b.clickText(".toggle", "8,000 entries") // closes
	b.wait("document.querySelectorAll('.card.entry.hit').length === 10")
	b.shoot("light-10000-write")
	b.clickText(".card.entry.hit", "/v1/users?")
	b.wait("document.querySelector('#details').textContent.includes('Depends on')")
	b.typeIn("[name=search]", "1600-abc")
	b.wait("document.querySelector('#bands').innerText.includes('Nothing cached passes')")
	b.dark(true)
	b.click("#clear")
	b.wait("document.querySelectorAll('.group').length === 3")
	b.shoot("dark-10000")
	b.quiet()
}

// TestPageOnSmallScreens: nothing runs out of the side, and details of what is
// chosen can be read.
func TestPageOnSmallScreens(t *testing.T) {
	s := serve(t, "", "")
	s.fill(t)
	b := open(t, s, "")
	b.wait(entryCards + " === 21")
	for _, width := range []int64{1100, 700, 390} {
		b.resize(width, 900)
		b.clickText(".card.entry", "/v1/users/123-abc")
		b.wait("document.querySelector('#details.filled').getBoundingClientRect().height > 100")
		if over := js[int](b, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
			t.Errorf("%d wide: %d too many", width, over)
		}
		b.shoot(fmt.Sprintf("light-wide-%d", width))
		b.keys(kb.Escape)
	}
	b.quiet()
}
