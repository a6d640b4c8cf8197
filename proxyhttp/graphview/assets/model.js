// With more entries than this the page counts them by endpoint, and lists
// those of one endpoint at a time.
const listed = 60;
const filterNames = ['search', 'table', 'record', 'endpoint', 'url', 'state'];

// app is all that the page knows. doc is the newest document; page the
// entries of the opened endpoint where doc only counts; verdict the last
// explanation, and selected what the details are about.
const app = {
  filters: {}, limit: 50, open: '', offset: 0,
  doc: null, page: null, verdict: null, selected: null, detail: null,
  number: 0, live: false,
};

const counted = () => app.doc.omitted > 0;

const opened = () => app.filters.endpoint || app.open;

// fetchGraph asks for the document. Null: a newer question was asked since.
async function fetchGraph() {
  const number = ++app.number;
  const doc = await graphCall({...app.filters, limit: listed});
  let page = null;
  if (doc.omitted && doc.endpoints.some((e) => e.name === opened() && e.states)) {
    page = await graphCall({...app.filters, endpoint: opened(), limit: app.limit, offset: app.offset});
  }
  if (doc.omitted) doc.total = doc.omitted + doc.entries.length, doc.entries = [];
  else doc.total = doc.entries.length;
  return number === app.number ? {doc, page} : null;
}

// entriesOf lists what is at hand of an endpoint.
function entriesOf(name) {
  if (!counted()) return app.doc.entries.filter((e) => e.endpoint === name);
  return app.page && name === opened() ? app.page.entries : [];
}

const entryByKey = (key) => [...app.doc.entries, ...(app.page ? app.page.entries : [])].find((e) => e.key === key);

const sumOf = (states) => Object.values(states || {}).reduce((a, b) => a + b, 0);

// usesOf lists the tables of an endpoint, statements that mention one alike
// in one line: the same that the pictures show.
function usesOf(endpoint) {
  const uses = new Map();
  for (const st of endpoint.statements) {
    for (const t of st.tables) {
      const id = [t.table.toLowerCase(), t.alias, t.op, t.filter].join('\n');
      const use = uses.get(id) || {table: t.table, alias: t.alias, op: t.op, filter: t.filter, columns: []};
      use.columns = [...new Set([...use.columns, ...t.columns])];
      uses.set(id, use);
    }
  }
  return [...uses.values()];
}

const useName = (u) => u.alias && u.alias.toLowerCase() !== u.table.toLowerCase() ? u.table + ' ' + u.alias : u.table;

function useWhat(u) {
  const columns = u.columns.join(', ');
  if (!u.op) return columns;
  return columns === '' || u.op === 'DELETE' ? u.op : u.op + ' ' + columns;
}

function recordsOf(d) {
  if (d.recordsUnknown) return 'rows not known';
  return plural(d.records.length, 'row');
}

// hueOf is the colour of a table's edges; its name stands at both ends.
function hueOf(table) {
  const i = app.doc.tables.findIndex((t) => t.name.toLowerCase() === table.toLowerCase());
  return i < 0 ? '' : '.hue' + i % 6;
}
