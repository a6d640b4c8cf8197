// facts prints rows of a name and what it is; rows without a value are left out.
function facts(rows) {
  return el('dl', null, rows.filter(([, v]) => v !== undefined && v !== null && v !== '').map(([k, v]) =>
    [el('dt', null, k), el('dd', null, v)]).flat());
}

const link = (node, text) => el('button.link', {type: 'button', 'data-node': 'link:' + node, click: () => select(node)}, visible(text));

function drawDetails() {
  const [kind, ...rest] = (app.selected || '').split(':');
  const id = rest.join(':');
  const box = $('details');
  const parts = kind === 'entry' ? entryDetails(id) : kind === 'table' ? tableDetails(id) : kind === 'endpoint' ? endpointDetails(id) : null;
  box.classList.toggle('filled', Boolean(parts));
  box.replaceChildren(...(parts ? [closeButton(), ...parts.flat().filter(Boolean)] : [
    el('h2', null, 'Details'),
    el('p.soft', null, 'Choose an entry to see what it depends on and what last invalidated it; a table to see what a write to it reaches.'),
    el('div.keys', null, [['/', 'search'], ['w', 'try a write'], ['r', 'refresh'], ['↑ ↓ ← →', 'move over the cards'], ['Esc', 'back']].flatMap(([k, what]) => [el('kbd', null, k), el('span', null, what)])),
  ]));
}

const closeButton = () => el('button.close', {type: 'button', 'aria-label': 'Close the details', 'data-node': 'close:details', click: () => select(null)}, '×');

function entryDetails(key) {
  const e = entryByKey(key) || (app.detail && app.detail.key === key ? app.detail : null);
  if (!e) return [el('h2', null, 'Entry'), el('p.soft', null, 'This entry is not there any more, or not on the page.'), el('p', null, mono(key))];
  const now = app.doc.now;
  const params = Object.entries(e.params);
  return [
    el('p.kind', null, 'Entry'),
    el('h2', null, mono(e.url)),
    el('p', null, el('span.state.' + e.state, null, el('span.mark', null, stateMarks[e.state] || '?'), ' ' + e.state), el('span.soft', null, stateMeaning[e.state] || '')),
    verdictDetails(app.verdict && app.verdict.byKey.get(key)),
    causeDetails(e),
    el('h3', null, 'Facts'),
    facts([
      ['Endpoint', link(nodeOf('endpoint', e.endpoint), e.endpoint)],
      ['Key', mono(e.key)],
      ['Variant', e.variant && mono(e.variant)],
      ['Age', e.stored && span(secondsBetween(e.stored, now))],
      ['Stored', e.stored && clock(e.stored)],
      ['Expires', e.expires && expiry(now, e.expires)],
      ['Hits', count(e.hits)],
      ['Size', e.bytes && bytes(e.bytes)],
    ]),
    el('h3', null, 'Parameters'),
    params.length ? facts(params.map(([k, v]) => [visible(k), mono(JSON.stringify(v))])) : el('p.soft', null, 'None was given.'),
    el('h3', null, 'Depends on'),
    e.depends.map((d) => el('div.depend' + hueOf(d.table), null,
      el('p', null, el('span.dot'), link(nodeOf('table', d.table), useName(d)), el('span.soft', null, ' ' + (e.state === 'stale' ? '' : recordsOf(d)))),
      el('p', null, d.predicate ? mono(d.predicate) : el('span.soft', null, 'every row')),
      d.records.length > 0 && el('p.records', null, d.records.slice(0, 50).map((r) => mono(r, '.record')), d.records.length > 50 && el('span.soft', null, ' and ' + count(d.records.length - 50) + ' more')))),
  ];
}

const stateMeaning = {
  fresh: ' served from memory',
  suspended: ' a write under way may change it: the source is asked',
  stale: ' dropped or expired: the next GET asks the source',
};

const expiry = (now, at) => Date.parse(at) > Date.parse(now) ? 'in ' + span(secondsBetween(now, at)) : span(secondsBetween(at, now)) + ' ago';

// causeDetails tells what last invalidated an entry.
function causeDetails(e) {
  const c = e.cause;
  const head = el('h3', null, 'Last invalidated by');
  if (!c) return [head, el('p.soft', null, 'Nothing since it was first stored.')];
  if (typeof c === 'string') return [head, el('p.cause', null, mono(c))];
  return [head, el('div.cause', null, facts([
    ['Write', c.by && mono(c.by)],
    ['Rule', c.rule && el('span', null, el('span.badge.hitBadge', null, c.rule), ' ', ruleMeaning[c.rule] || '')],
    ['Table', c.table && link(nodeOf('table', c.table), c.table)],
    ['Detail', c.detail && mono(c.detail)],
    ['When', c.at && span(secondsBetween(c.at, app.doc.now)) + ' ago, ' + clock(c.at)],
  ]))];
}

const ruleMeaning = {
  row: 'a changed row satisfies its condition, or may',
  whole: 'which rows changed is not known',
  table: 'the write touches no table that it reads',
  column: 'the write sets no column that it reads',
  image: 'the row is the same in every column that it reads',
  predicate: 'no changed row can satisfy its condition',
  record: 'the row is not in the answer, and the change does not bring it there',
  window: 'its list ends before the changed row',
  join: 'no partner row completes the changed row',
  output: 'every value that it shows or sorts by stays the same',
  group: 'the count, sum or extreme of its group stays as it was',
  witness: 'another row still decides',
};

function verdictDetails(v) {
  if (!v) return null;
  return [el('h3', null, 'The write that you try'), el('p', null, verdictMark(v), ' ', visible(v.reason || v.text))];
}

// tableDetails tells what a write to a table reaches, and through which columns.
function tableDetails(name) {
  const t = app.doc.tables.find((x) => x.name === name);
  if (!t) return null;
  const readers = app.doc.endpoints.filter((e) => e.kind === 'read').map((e) => ({e, uses: usesOf(e).filter((u) => u.table.toLowerCase() === name.toLowerCase())})).filter((r) => r.uses.length);
  const columns = new Map();
  for (const {e, uses} of readers) {
    for (const c of new Set(uses.flatMap((u) => u.columns))) columns.set(c, [...(columns.get(c) || []), e]);
  }
  return [
    el('p.kind', null, 'Table'),
    el('h2', null, mono(t.name)),
    el('p', null, 'A write to it reaches at most ' + plural(t.entries, 'entry', 'entries') + ' of ' + plural(readers.length, 'endpoint') + '; conditions and row images then decide.'),
    el('h3', null, 'Endpoints that read it'),
    readers.length ? el('table', null, el('tbody', null, readers.map(({e, uses}) => el('tr', null,
      el('td', null, link(nodeOf('endpoint', e.name), e.name), uses.map((u) => u.filter && el('span.filter', null, el('span.word', null, 'where '), mono(u.filter)))),
      el('td.number', null, count(e.entries)))))) : el('p.soft', null, 'None.'),
    columns.size > 0 && [el('h3', null, 'An UPDATE of this column reaches'),
      el('table', null, el('tbody', null, [...columns].map(([c, es]) => el('tr', null,
        el('td', null, mono(c), el('span.filter', null, es.map((e) => visible(e.name)).join(', '))),
        el('td.number', null, count(es.reduce((n, e) => n + e.entries, 0)))))))],
    el('h3', null, 'Endpoints that write it'),
    t.writers.length ? el('p.links', null, t.writers.map((w) => link(nodeOf('endpoint', w), w))) : el('p.soft', null, 'None is mapped.'),
  ].flat();
}

function endpointDetails(name) {
  const e = app.doc.endpoints.find((x) => x.name === name);
  if (!e) return null;
  const v = app.verdict && e.kind === 'read' && app.verdict.byEndpoint.get(name);
  return [
    el('p.kind', null, e.kind === 'write' ? 'Endpoint that writes' : 'Endpoint'),
    el('h2', null, mono(e.name)),
    el('p', null, mono(e.route)),
    e.kind === 'read' && el('p', null, e.states ? tally(e.states) : el('span.soft', null, 'Nothing cached.')),
    e.broken && el('p.problem', null, visible(e.broken)),
    e.uncached && el('p', null, el('span.badge', null, 'not cached'), ' ' + visible(e.uncached)),
    verdictDetails(v),
    e.kind === 'read' && e.states && counted() && opened() !== name && el('p', null, el('button', {type: 'button', 'data-node': 'detailOpen:' + name, click: () => openEndpoint(name)}, 'Open its entries')),
    e.statements.map((st, i) => [
      el('h3', null, (e.statements.length > 1 ? 'Statement ' + (i + 1) + ': ' : '') + st.kind + (st.variant ? ' · ' + visible(st.variant) : '')),
      facts([
        ['Matched', st.precision && 'by ' + st.precision],
        ['Order', st.window && st.window.order.length && mono(st.window.order.join(', '))],
        ['Limit', st.window && st.window.limit && mono(st.window.limit)],
        ['Joins', st.joins.length > 0 && st.joins.map((j) => el('p', null, mono(j)))],
        ['Notes', st.notes.length > 0 && st.notes.map((n) => el('p', null, visible(n)))],
      ]),
      st.tables.map((t) => el('div.depend' + hueOf(t.table), null,
        el('p', null, el('span.dot'), link(nodeOf('table', t.table), useName(t))),
        el('p', null, mono(useWhat(t))),
        t.filter && el('p', null, el('span.word', null, 'where '), mono(t.filter)))),
    ]).flat(),
    e.notes && [el('h3', null, 'Notes'), e.notes.map((n) => el('p', null, visible(n)))],
  ].flat(2);
}
