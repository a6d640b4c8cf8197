const $ = (id) => document.getElementById(id);

// el makes an element: el('span.url', {title: '…'}, 'text', other). Strings
// become text nodes; nothing in this script parses HTML.
function el(tag, props, ...children) {
  const [name, ...classes] = tag.split('.');
  const node = document.createElement(name);
  if (classes.length) node.className = classes.join(' ');
  for (const [k, v] of Object.entries(props || {})) {
    if (v === undefined || v === null || v === false) continue;
    if (typeof v === 'function') node.addEventListener(k, v);
    else node.setAttribute(k, v === true ? '' : v);
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false && c !== ''));
  return node;
}

function svgPath(d, className) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  node.setAttribute('d', d);
  node.setAttribute('class', className);
  return node;
}

// mono shows what others wrote: made visible, in a direction of its own.
const mono = (text, more) => el('span.mono' + (more || ''), null, visible(text));

// options fills a select, keeping its choice where it is still there.
function options(select, names, all) {
  const want = ['', ...names].join('\n');
  if (select.dataset.names === want) return;
  select.dataset.names = want;
  const value = select.value;
  select.replaceChildren(el('option', {value: ''}, all), ...names.map((n) => el('option', {value: n}, visible(n))));
  select.value = names.includes(value) ? value : '';
}

function say(text) { $('status').textContent = text; }
