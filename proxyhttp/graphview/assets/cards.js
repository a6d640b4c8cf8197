// node is what a card is of, as 'table:users'; it survives a redraw.
const nodeOf = (kind, id) => kind + ':' + id;

function card(kind, id, className, label, ...children) {
  const node = nodeOf(kind, id);
  return el('button.card.' + className, {
    type: 'button', 'data-node': node, 'aria-label': label,
    'aria-pressed': String(node === app.selected), click: () => select(node),
  }, ...children);
}

function tableCard(t) {
  const touched = app.verdict && app.verdict.tables.some((n) => n.toLowerCase() === t.name.toLowerCase());
  return card('table', t.name, 'table' + hueOf(t.name) + (touched ? '.hit' : ''),
    'table ' + visible(t.name) + ', ' + plural(t.entries, 'entry', 'entries') + (touched ? ', written' : ''),
    mono(t.name, '.name'),
    el('span.soft', null, plural(t.entries, 'entry', 'entries') + ' · ' + plural(t.endpoints.length, 'read')),
    touched && el('span.badge.hitBadge', null, '▲ written'));
}

// tally shows states by mark, number and word.
function tally(states) {
  return el('span.tally', null, Object.keys(stateMarks).filter((s) => states && states[s]).map((s) =>
    el('span.state.' + s, null, el('span.mark', null, stateMarks[s]), ' ' + count(states[s]) + ' ' + s)));
}

function useLine(u) {
  return el('span.use' + hueOf(u.table), {'data-table': u.table.toLowerCase(), 'data-write': Boolean(u.op)},
    el('span.dot'),
    el('span.what', null, mono(useName(u), '.name'), ' ', mono(useWhat(u), '.columns')),
    u.filter && el('span.filter', null, el('span.word', null, 'where '), mono(u.filter)));
}

function endpointCard(e) {
  const verdict = app.verdict && app.verdict.byEndpoint.get(e.name);
  const mood = !verdict || e.kind === 'write' ? '' : verdict.affected ? '.hit' : '.spared';
  return card('endpoint', e.name, 'endpoint.' + e.kind + mood,
    'endpoint ' + visible(e.name) + ', ' + plural(sumOf(e.states), 'entry', 'entries'),
    el('span.line', null, mono(e.name, '.name'), e.route !== e.name && mono(e.route, '.route')),
    e.broken && el('span.badge.bad', null, 'broken'),
    e.uncached && el('span.badge', null, 'not cached'),
    usesOf(e).map(useLine),
    mood && el('span.why', null, verdictMark(verdict), ' ', verdict.text));
}

function verdictMark(v) {
  return el('span.badge' + (v.affected ? '.hitBadge' : ''), null, v.affected ? '▲ affected' : 'spared', ': ' + v.rule);
}

function entryCard(e) {
  const verdict = app.verdict && app.verdict.byKey.get(e.key);
  const mood = !verdict ? '' : verdict.affected ? '.hit' : '.spared';
  return card('entry', e.key, 'entry.' + e.state + mood,
    visible(e.url) + ', ' + e.state + (verdict ? ', ' + (verdict.affected ? 'affected' : 'spared') + ' by rule ' + verdict.rule : ''),
    el('span.line', null,
      el('span.mark', null, stateMarks[e.state] || '?'), mono(e.url, '.url'),
      el('span.soft.end', null, e.state + ' · ' + plural(e.hits, 'hit'))),
    !verdict && e.depends.map((d) => el('span.dep', null, mono(useName(d), '.name'),
      d.predicate && [el('span.word', null, ' where '), mono(d.predicate)],
      e.state !== 'stale' && el('span.word', null, ' · ' + recordsOf(d)))),
    verdict && el('span.why', null, verdictMark(verdict), ' ', visible(verdict.reason)));
}

// verdictCard is an affected entry that is not on the page.
function verdictCard(v) {
  return card('entry', v.key, 'entry.hit', visible(v.url) + ', affected by rule ' + v.rule,
    el('span.line', null, el('span.mark', null, '▲'), mono(v.url, '.url')),
    el('span.why', null, verdictMark(v), ' ', visible(v.reason)));
}

// group stands for the entries of an endpoint that are counted.
function group(e) {
  const open = opened() === e.name;
  const total = sumOf(e.states);
  const bar = el('span.meter', {'aria-hidden': 'true'}, Object.keys(stateMarks).filter((s) => e.states[s]).map((s) => {
    const part = el('span.' + s);
    part.style.flexGrow = e.states[s];
    return part;
  }));
  return el('div.group', null,
    el('div.groupHead', null,
      el('button.toggle', {type: 'button', 'data-node': 'open:' + e.name, 'aria-expanded': String(open), disabled: Boolean(app.filters.endpoint),
        click: () => openEndpoint(open ? '' : e.name)}, (open ? '▾ ' : '▸ ') + plural(total, 'entry', 'entries')),
      tally(e.states)),
    bar);
}

function pager(e) {
  const total = app.page.entries.length + (app.page.omitted || 0);
  if (total <= app.limit && app.offset === 0) return null;
  const last = Math.min(app.offset + app.page.entries.length, total);
  const turn = (by, name, text, off) => el('button', {type: 'button', 'data-node': name + ':' + e.name, disabled: off,
    click: () => turnPage(app.offset + by)}, text);
  return el('div.pager', null,
    turn(-app.limit, 'previous', '‹ Previous', app.offset === 0),
    el('span.soft', null, count(app.offset + 1) + ' to ' + count(last) + ' of ' + count(total)),
    turn(app.limit, 'next', 'Next ›', last >= total));
}

// band is an endpoint and, beside it, its entries.
function band(e) {
  const right = el('div.entries');
  if (e.kind === 'write') {
    right.append(el('button.try', {type: 'button', 'data-node': 'try:' + e.name, click: () => proposeWrite(e)}, 'Try this write'));
  } else if (!e.states) {
    right.append(el('span.none', null, e.uncached ? 'Never kept: ' + visible(e.uncached) : 'Nothing cached.'));
  } else {
    if (counted()) right.append(group(e));
    const entries = entriesOf(e.name);
    if (counted() && app.verdict && !entries.length) right.append(...affectedOf(e.name));
    right.append(...entries.map(entryCard));
    if (counted() && entries.length) right.append(...[pager(e)].filter(Boolean));
  }
  return el('article.band', {'data-endpoint': e.name}, endpointCard(e), right);
}

const shownAffected = 10;

function affectedOf(name) {
  const all = app.verdict.entries.filter((v) => v.affected && v.endpoint === name);
  const total = app.verdict.byEndpoint.get(name)?.count || 0;
  const out = all.slice(0, shownAffected).map(verdictCard);
  if (total > out.length && out.length) out.push(el('span.none', null, 'and ' + count(total - out.length) + ' more'));
  return out;
}
