const tokenName = 'edgecache.token';

// Problem is a refusal in the server's own words.
class Problem extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// call asks the control plane. The token lives in sessionStorage: it is this
// tab's, and goes nowhere but into this header.
async function call(path, body) {
  const token = sessionStorage.getItem(tokenName);
  const headers = {Accept: 'application/json'};
  if (token) headers.Authorization = 'Bearer ' + token;
  if (body) headers['Content-Type'] = 'application/json';
  let res;
  try {
    res = await fetch(path, {method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body), cache: 'no-store', redirect: 'error'});
  } catch {
    throw new Problem(0, 'The server does not answer.');
  }
  const text = await res.text();
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Problem(res.status, 'The answer is no JSON (status ' + res.status + ').');
  }
  if (res.ok) return answer;
  throw new Problem(res.status, answer.detail || answer.title || 'Status ' + res.status);
}

const graphCall = (query) => call('graph?' + new URLSearchParams(Object.entries(query).filter(([, v]) => v !== '' && v !== undefined)));

const explainCall = (body) => call('../v1/explain', body);
