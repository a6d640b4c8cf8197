//go:build browser

package browsertest

import "testing"

// TestPictureIsDrawn opens the SVG as a document, and sees its text where its
// layout says that it is.
func TestPictureIsDrawn(t *testing.T) {
	s := serve(t, "", "")
	s.fill(t)
	b := open(t, s, "")
	b.visit("/debug/graph?format=svg")
	wide := js[int](b, `[...document.querySelectorAll('g')].filter((g) => {
		const card = g.querySelector('rect').getBBox();
		return [...g.querySelectorAll('text')].some((t) => t.getBBox().x + t.getBBox().width > card.x + card.width);
	}).length`)
	if cards := js[int](b, "document.querySelectorAll('g').length"); cards != 5+24+21 || wide > 0 {
		t.Errorf("%d cards, %d of them narrower than their text", cards, wide)
	}
	b.shoot("picture-21")
	b.quiet()
}
