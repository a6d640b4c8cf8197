// Arrow keys walk over the cards: up and down in a column, left and right
// between columns, to the card at the nearest height.
function columnOf(node) {
  if (node.matches('.tables *')) return 0;
  return node.matches('.endpoint') ? 1 : 2;
}

function walkables() {
  return [...document.querySelectorAll('.graph .card, .graph .toggle, .graph .try')];
}

function step(from, key) {
  const all = walkables();
  const column = columnOf(from);
  if (key === 'ArrowUp' || key === 'ArrowDown') {
    const own = all.filter((n) => columnOf(n) === column);
    return own[own.indexOf(from) + (key === 'ArrowDown' ? 1 : -1)];
  }
  const want = column + (key === 'ArrowRight' ? 1 : -1);
  const y = from.getBoundingClientRect().top;
  const far = (n) => Math.abs(n.getBoundingClientRect().top - y);
  return all.filter((n) => columnOf(n) === want).sort((a, b) => far(a) - far(b))[0];
}

function onKey(ev) {
  if (ev.ctrlKey || ev.metaKey || ev.altKey) return;
  const typing = ev.target.closest && ev.target.closest('input, select, textarea');
  if (ev.key === 'Escape') {
    if (typing) typing.blur();
    else if (app.selected) backToCard();
    return;
  }
  if (typing) return;
  const shortcuts = {'/': () => document.querySelector('[name=search]').focus(), w: () => $('write').focus(), r: () => act(reload)};
  if (shortcuts[ev.key] && !$('app').hidden) {
    ev.preventDefault();
    shortcuts[ev.key]();
    return;
  }
  if (!ev.key.startsWith('Arrow') || !ev.target.matches || !ev.target.matches('.graph .card, .graph .toggle, .graph .try')) return;
  const next = step(ev.target, ev.key);
  if (!next) return;
  ev.preventDefault();
  next.focus({preventScroll: true});
  next.scrollIntoView({block: 'nearest'});
}

// backToCard closes the details and puts the focus where it came from.
function backToCard() {
  const node = app.selected;
  select(null);
  const from = document.querySelector('.graph [data-node="' + CSS.escape(node) + '"]');
  if (from) from.focus({preventScroll: true});
}
