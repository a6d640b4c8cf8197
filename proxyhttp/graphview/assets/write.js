// parseWrite reads what was typed: METHOD PATH {json}, or SQL. A source other
// than the only one goes in front of SQL as @name.
function parseWrite(text) {
  const call = /^\s*(POST|PUT|PATCH|DELETE)\s+(\S+)\s*([\s\S]*)$/i.exec(text);
  if (call && /^(\/|https?:)/i.test(call[2])) {
    const body = {method: call[1].toUpperCase(), url: call[2]};
    if (call[3]) {
      try {
        body.body = JSON.parse(call[3]);
      } catch (e) {
        throw new Problem(0, 'The body is no JSON: ' + e.message);
      }
    }
    return body;
  }
  const [, source, sql] = /^\s*(?:@(\S+)\s+)?([\s\S]*)$/.exec(text);
  return source ? {source, sql} : {sql};
}

// proposeWrite types the call of a write endpoint, for its blanks to be filled.
function proposeWrite(e) {
  $('write').value = e.route + (e.route.startsWith('DELETE') ? '' : ' {}');
  $('write').focus();
  say('Fill in the blanks, then Explain.');
}

async function explainWrite() {
  const text = $('write').value.trim();
  if (!text) return clearVerdict();
  const x = await explainCall(parseWrite(text));
  const byEndpoint = new Map();
  for (const v of x.endpoints) {
    const one = byEndpoint.get(v.endpoint) || {affected: false, count: 0, entries: 0, rule: v.rule, reason: v.reason};
    if (v.affected && !one.affected) Object.assign(one, {affected: true, rule: v.rule, reason: v.reason});
    one.count += v.affectedEntries;
    one.entries += v.entries;
    byEndpoint.set(v.endpoint, one);
  }
  for (const v of byEndpoint.values()) {
    v.affected = v.entries ? v.count > 0 : v.affected;
    v.text = v.entries ? count(v.count) + ' of ' + plural(v.entries, 'entry', 'entries') + (v.count ? '' : '. ' + visible(v.reason)) : visible(v.reason);
  }
  app.verdict = {...x, text, byEndpoint, byKey: new Map(x.entries.map((v) => [v.key, v]))};
  say(verdictLine());
}

function clearVerdict() {
  app.verdict = null;
  $('write').value = '';
}

function verdictLine() {
  const {affected, entries} = app.verdict.summary;
  return count(affected) + ' of ' + plural(entries, 'entry', 'entries') + ' affected';
}

function drawVerdict() {
  const v = app.verdict;
  const box = $('verdict');
  box.hidden = !v;
  $('writeClear').hidden = !v;
  if (!v) return box.replaceChildren();
  const hit = [...v.byEndpoint].filter(([, e]) => e.count);
  const spared = Object.entries(v.summary.sparedBy);
  box.replaceChildren(
    el('p.sum', null, el('strong', null, '▲ ' + verdictLine()), hit.length > 0 && ': ',
      hit.map(([name, e]) => el('button.link', {type: 'button', 'data-node': 'jump:' + name, click: () => jumpTo(name)}, visible(name) + ' ' + count(e.count)))),
    spared.length > 0 && el('p.soft', null, 'Spared: ', spared.map(([rule, n]) => el('span.spareRule', null, el('span.badge', null, rule + ' ' + count(n)), ' ' + (ruleMeaning[rule] || '')))),
    v.changes.length ? el('ul.changes', null, v.changes.slice(0, 6).map((c) => el('li', null, mono(c))),
      v.changes.length + (v.truncated || 0) > 6 && el('li.soft', null, 'and ' + count(v.changes.length + (v.truncated || 0) - 6) + ' more changes'))
      : el('p.soft', null, 'No row would change.'));
}

function jumpTo(name) {
  const b = document.querySelector('[data-node="' + CSS.escape(nodeOf('endpoint', name)) + '"]');
  if (!b) return;
  b.scrollIntoView({block: 'center'});
  b.focus({preventScroll: true});
}
