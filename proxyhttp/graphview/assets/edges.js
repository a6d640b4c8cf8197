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
    for (const band of document.querySelectorAll('.band')) out.push(...entryEdges(band, frame, seen));
  }
  svg.replaceChildren(...out.map(([d, c]) => svgPath(d, c)));
}

// fan is how many entries get a curve each; more share a spine.
const fan = 8;

function entryEdges(band, frame, seen) {
  const from = band.firstElementChild.getBoundingClientRect();
  const entries = [...band.querySelectorAll('.entry, .group')];
  const x = from.right - frame.left;
  const y = from.top + 18 - frame.top;
  const out = [];
  for (const entry of entries) {
    const to = entry.getBoundingClientRect();
    if (!seen(to)) continue;
    const [tx, ty] = [to.left - frame.left, to.top + 16 - frame.top];
    const strong = app.selected && entry.dataset.node === app.selected;
    out.push([entries.length > fan ? path(x, y, (x + tx) / 2, ty, tx) : curve(x, y, tx, ty),
      'edge' + (strong ? ' strong' : '') + (entry.classList.contains('hit') ? ' hitEdge' : '') + (entry.classList.contains('spared') || (app.selected && !strong) ? ' faint' : '')]);
  }
  return out;
}

// path goes straight to a spine, along it, and straight on.
const path = (x1, y1, spine, y2, x2) => 'M' + [x1, y1].join(' ') + 'H' + spine + 'V' + y2 + 'H' + x2;

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

// setAside takes back the bands that the selected table does not reach.
function setAside() {
  const table = app.selected && app.selected.startsWith('table:') ? app.selected.slice(6).toLowerCase() : '';
  for (const b of document.querySelectorAll('.band')) {
    b.classList.toggle('aside', Boolean(table) && ![...b.querySelectorAll('.use')].some((u) => u.dataset.table === table));
  }
}
