// drawEdges draws the curves of what can be seen: from each table to the lines
// that use it, and from each endpoint to its entries.
function drawEdges() {
  const graph = $('graph');
  const frame = graph.getBoundingClientRect();
  const svg = $('edges');
  const out = [];
  if (frame.width && getComputedStyle(svg).display !== 'none') {
    const seen = (r) => r.height > 0 && r.bottom > -200 && r.top < innerHeight + 200;
    const tables = new Map([...document.querySelectorAll('.card.table')].map((t) => [t.dataset.node.slice(6).toLowerCase(), t]));
    const column = document.querySelector('.tables').getBoundingClientRect();
    for (const use of document.querySelectorAll('.endpoint .use')) {
      const to = use.getBoundingClientRect();
      const table = tables.get(use.dataset.table);
      if (!table || !seen(to)) continue;
      const from = table.getBoundingClientRect();
      const y = Math.min(Math.max(from.top + from.height / 2, column.top), column.bottom);
      const card = use.closest('.card');
      const strong = table.dataset.node === app.selected || card.dataset.node === app.selected || inSelected(card);
      const spared = card.classList.contains('spared');
      out.push([curve(from.right - frame.left, y - frame.top, card.getBoundingClientRect().left - frame.left, to.top + 9 - frame.top),
        'edge ' + [...table.classList].find((c) => c.startsWith('hue')) + (use.hasAttribute('data-write') ? ' dashed' : '') + (strong ? ' strong' : '') + (spared || (app.selected && !strong) ? ' faint' : '')]);
    }
    for (const band of document.querySelectorAll('.band')) {
      const card = band.firstElementChild;
      const from = card.getBoundingClientRect();
      for (const entry of band.querySelectorAll('.entry, .group')) {
        const to = entry.getBoundingClientRect();
        if (!seen(to)) continue;
        const strong = entry.dataset.node === app.selected && app.selected;
        out.push([curve(from.right - frame.left, from.top + 18 - frame.top, to.left - frame.left, to.top + 16 - frame.top),
          'edge' + (strong ? ' strong' : '') + (entry.classList.contains('hit') ? ' hitEdge' : '') + (entry.classList.contains('spared') || (app.selected && !strong) ? ' faint' : '')]);
      }
    }
  }
  svg.replaceChildren(...out.map(([d, c]) => svgPath(d, c)));
}

// inSelected tells that the selected entry is of this endpoint.
function inSelected(card) {
  const band = card.closest('.band');
  return Boolean(app.selected && band && [...band.querySelectorAll('.entry')].some((e) => e.dataset.node === app.selected));
}

function curve(x1, y1, x2, y2) {
  const bend = Math.max(12, (x2 - x1) / 2);
  return ['M', x1, y1, 'C', x1 + bend, y1, x2 - bend, y2, x2, y2].map((n) => typeof n === 'number' ? n.toFixed(1) : n).join(' ');
}

let edgesAsked = false;

function redrawEdges() {
  if (edgesAsked) return;
  edgesAsked = true;
  requestAnimationFrame(() => { edgesAsked = false; drawEdges(); });
}
