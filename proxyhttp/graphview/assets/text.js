// visible prints what could not be seen, or could make other text seem to be
// something else: control characters, direction marks, invisible ones.
function visible(text) {
  return String(text).replace(/[\p{C}\p{Zl}\p{Zp}\uFFFD]/gu, (c) => '\\u{' + c.codePointAt(0).toString(16) + '}');
}

const plural = (n, one, many) => count(n) + ' ' + (n === 1 ? one : many || one + 's');

const count = (n) => n.toLocaleString('en');

function bytes(n) {
  if (n < 1024) return n + ' B';
  if (n < 1 << 20) return (n / 1024).toFixed(1) + ' KiB';
  return (n / (1 << 20)).toFixed(1) + ' MiB';
}

// span prints a number of seconds in its two largest units.
function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  const units = [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]];
  const i = Math.max(0, units.findIndex(([, size]) => s >= size));
  const [name, size] = s === 0 ? units[3] : units[i];
  const first = Math.floor(s / size) + ' ' + name;
  const next = s === 0 ? undefined : units[i + 1];
  const rest = next ? Math.floor((s % size) / next[1]) : 0;
  return rest ? first + ' ' + rest + ' ' + next[0] : first;
}

const secondsBetween = (from, to) => (Date.parse(to) - Date.parse(from)) / 1000;

const clock = (at) => at.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC');

const stateMarks = {fresh: '●', suspended: '◆', stale: '○'};
