const livePeriod = 2000;

// draw shows app. Cards are made anew; the focus stays on the same node.
function draw() {
  const doc = app.doc;
  if (!doc) return;
  const focused = document.activeElement && document.activeElement.dataset && document.activeElement.dataset.node;
  drawTotals();
  options($('filters').elements.table, app.tableNames, 'any');
  options($('filters').elements.endpoint, app.endpointNames, 'any');
  drawVerdict();
  $('tables').replaceChildren(...doc.tables.map(tableCard));
  const reads = doc.endpoints.filter((e) => e.kind === 'read');
  const writes = doc.endpoints.filter((e) => e.kind === 'write');
  $('bands').replaceChildren(...emptyNotice(), ...reads.map(band), ...(writes.length ? [el('h2.writesHead', null, 'Writes'), ...writes.map(band)] : []));
  setAside();
  drawDetails();
  if (focused) {
    const again = document.querySelector('[data-node="' + CSS.escape(focused) + '"]');
    if (again && again !== document.activeElement) again.focus({preventScroll: true});
  }
  redrawEdges();
}

function drawTotals() {
  const states = {};
  for (const e of app.doc.endpoints) for (const [s, n] of Object.entries(e.states || {})) states[s] = (states[s] || 0) + n;
  $('totals').replaceChildren(tally(states), el('span.soft', null,
    (filtered() ? 'pass the filters' : plural(app.doc.endpoints.length, 'endpoint') + ', ' + plural(app.doc.tables.length, 'table'))));
}

const filtered = () => filterNames.some((n) => app.filters[n]);

// emptyNotice says what to do where there is nothing to see.
function emptyNotice() {
  if (app.doc.total > 0) return [];
  if (filtered()) return [el('p.empty', null, 'Nothing cached passes the filters. ', el('button', {type: 'button', 'data-node': 'empty:clear', click: () => $('filters').reset()}, 'Clear them'))];
  const first = app.doc.endpoints.find((e) => e.kind === 'read' && !e.uncached && !e.route.includes('{'));
  const path = first ? first.route.replace(/^GET /, '') : '/…';
  return [el('p.empty', null, el('strong', null, 'Nothing is cached yet.'), ' Try ', mono("curl -i 'http://" + dataHost() + path + "'", '.code'), ' and press Refresh, or switch Live on.')];
}

// dataHost is where the data plane listens, as this browser would call it.
function dataHost() {
  const [, host, port] = /^(.*):(\d+)$/.exec(app.doc.listen) || [null, '', '8080'];
  return (['', '0.0.0.0', '[::]'].includes(host) ? location.hostname : host) + ':' + port;
}

async function reload() {
  const got = await fetchGraph();
  if (!got) return;
  const key = JSON.stringify([{...got.doc, now: ''}, got.page && {...got.page, now: ''}]);
  const changed = key !== app.drawn;
  app.drawn = key;
  app.doc = got.doc;
  app.page = got.page;
  if (!filtered() || !app.tableNames) {
    app.tableNames = got.doc.tables.map((t) => t.name);
    app.endpointNames = got.doc.endpoints.filter((e) => e.kind === 'read').map((e) => e.name);
  }
  await fetchDetail();
  $('app').hidden = false;
  $('tokenForm').hidden = true;
  $('forget').hidden = !sessionStorage.getItem(tokenName);
  if (changed) draw();
  else drawDetails();
}

// fetchDetail asks for the selected entry where it is not on the page.
async function fetchDetail() {
  app.detail = null;
  if (!app.selected || !app.selected.startsWith('entry:')) return;
  const key = app.selected.slice(6);
  if (entryByKey(key)) return;
  const v = app.verdict && app.verdict.byKey.get(key);
  if (!v) return;
  const got = await graphCall({endpoint: v.endpoint, url: v.url, limit: 100});
  app.detail = got.entries.find((e) => e.key === key) || null;
}

// act runs something that may be refused, and shows the refusal.
async function act(f) {
  try {
    await f();
    $('problem').hidden = true;
  } catch (e) {
    if (!(e instanceof Problem)) throw e;
    if (e.status === 401) return askForToken();
    $('app').hidden = false;
    $('problem').textContent = visible(e.message);
    $('problem').hidden = false;
    $('live').checked = app.live = false;
  }
}

function askForToken() {
  const had = sessionStorage.getItem(tokenName);
  sessionStorage.removeItem(tokenName);
  $('app').hidden = true;
  $('forget').hidden = true;
  $('live').checked = app.live = false;
  $('tokenForm').hidden = false;
  $('token').focus();
  if (had) say('The token was refused.');
  $('token').setAttribute('aria-invalid', String(Boolean(had)));
}

function select(node) {
  app.selected = node;
  for (const c of document.querySelectorAll('.card')) c.setAttribute('aria-pressed', String(c.dataset.node === node));
  act(async () => {
    await fetchDetail();
    setAside();
    drawDetails();
    redrawEdges();
  });
}

const openEndpoint = (name) => { app.open = name; app.offset = 0; act(reload); };

const turnPage = (offset) => { app.offset = Math.max(0, offset); act(reload); };

function readFilters() {
  const fields = $('filters').elements;
  for (const n of filterNames) app.filters[n] = fields[n].value.trim();
  app.limit = Number(fields.limit.value);
  app.offset = 0;
  $('clear').disabled = !filtered();
  const query = new URLSearchParams({format: 'html'});
  for (const n of filterNames) if (app.filters[n]) query.set(n, app.filters[n]);
  history.replaceState(null, '', '?' + query);
}

// startFilters takes the filters of the address, so that a view can be shared.
function startFilters() {
  const query = new URLSearchParams(location.search);
  const fields = $('filters').elements;
  for (const n of filterNames) {
    const v = query.get(n) || '';
    if (v && fields[n].tagName === 'SELECT' && n !== 'state') fields[n].append(el('option', {value: v}, visible(v)));
    fields[n].value = v;
    app.filters[n] = v;
  }
  $('clear').disabled = !filtered();
}

let typing = 0;

// filtersChanged waits for more letters. A record or a URL counts when it is
// typed to its end: half of one is a mistake.
function filtersChanged(ev) {
  if (ev && ev.type === 'input' && ['record', 'url'].includes(ev.target.name)) return;
  clearTimeout(typing);
  typing = setTimeout(() => { readFilters(); act(reload); }, 200);
}

async function liveLoop() {
  if (app.live && !document.hidden && app.doc) await act(reload);
  setTimeout(liveLoop, livePeriod);
}

function onSubmit(form, f) {
  $(form).addEventListener('submit', (ev) => { ev.preventDefault(); act(f); });
}

function start() {
  startFilters();
  $('filters').addEventListener('input', filtersChanged);
  $('filters').addEventListener('change', filtersChanged);
  $('filters').addEventListener('reset', () => setTimeout(() => filtersChanged()));
  onSubmit('filters', async () => { clearTimeout(typing); readFilters(); await reload(); });
  onSubmit('writeForm', async () => { await explainWrite(); await reload(); draw(); });
  onSubmit('tokenForm', async () => {
    sessionStorage.setItem(tokenName, $('token').value.trim());
    $('token').value = '';
    await reload();
    draw();
  });
  $('writeClear').addEventListener('click', () => { clearVerdict(); draw(); $('write').focus(); });
  $('refresh').addEventListener('click', () => act(reload));
  $('forget').addEventListener('click', () => askForToken());
  $('live').addEventListener('change', () => { app.live = $('live').checked; if (app.live) act(reload); });
  document.addEventListener('keydown', onKey);
  addEventListener('scroll', redrawEdges, {passive: true, capture: true});
  addEventListener('resize', redrawEdges);
  new ResizeObserver(redrawEdges).observe($('graph'));
  act(reload);
  liveLoop();
}

start();
