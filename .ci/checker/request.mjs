// Signed requests. docs/protocol.md: Signed requests.
import { isIPv6 } from 'node:net';
import { ascii, base64, hex, unbase64, unhex, unid } from './bytes.mjs';
import { sha256, signPlain, signingPublic, verifyPlain } from './crypto.mjs';
import { demand, refuse } from './refuse.mjs';

const withBody = { GET: false, HEAD: false, POST: true, PUT: true, PATCH: true, DELETE: true };

const port = /^(?:[1-9][0-9]{0,4})$/;

// authority writes what stands in Host in the one form that is signed.
export function authority(host) {
  const [, six, name, at] = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+))(?::([0-9]+))?$/.exec(host) ?? refuse('authority', host);
  demand(at === undefined || (port.test(at) && Number(at) < 65536), 'authority', 'port');
  demand(six === undefined || isIPv6(six), 'authority', 'no IPv6 address');
  demand(six !== undefined || (name.length <= 253 && name.split('.').every((l) => l !== '')), 'authority', 'an empty label');
  const said = six === undefined ? name.toLowerCase() : new URL(`http://[${six}]`).hostname;
  return at === undefined || at === '443' ? said : `${said}:${at}`;
}

// target splits the raw bytes of a request line and refuses every second spelling.
export function target(text) {
  demand(text.length <= 4096, 'target', 'is too long');
  demand(text.startsWith('/'), 'target', 'is not origin-form');
  const cut = text.indexOf('?');
  const path = cut < 0 ? text : text.slice(0, cut), query = cut < 0 ? '' : text.slice(cut + 1);
  const segments = path.slice(1).split('/');
  demand(path === '/' || segments.every((s) => s !== '' && s !== '.' && s !== '..'), 'segment', path);
  plain(path, "!$&'()*+,;=:@/");
  plain(query, "!$&'()*+,=:@/?");
  if (cut >= 0) {
    const names = query.split('&').map((p) => (/^[^=]+=/.test(p) ? decoded(p.slice(0, p.indexOf('='))) : refuse('query', 'a part without name and =')));
    demand(new Set(names).size === names.length, 'query', 'a name twice');
  }
  return { path, query: '?' + query };
}

const decoded = (name) => name.replace(/\+/g, ' ').replace(/%(..)/g, (_, h) => String.fromCharCode(parseInt(h, 16)));
const unreserved = /[A-Za-z0-9._~-]/;

function plain(text, also) {
  for (const [c] of text.matchAll(/%.{0,2}|[^]/g)) {
    if (!c.startsWith('%')) {
      demand(unreserved.test(c) || also.includes(c), 'percent', `${c} must be encoded`);
      continue;
    }
    demand(/^%[0-9A-F]{2}$/.test(c), 'percent', c);
    const byte = parseInt(c.slice(1), 16);
    demand(!unreserved.test(String.fromCharCode(byte)), 'percent', `${c} is not needed`);
    demand(byte >= 0x20 && byte !== 0x7f && !'/\\'.includes(String.fromCharCode(byte)), 'percent', `${c} hides something`);
  }
}

// build gives Signature-Input and the signature base of a request.
export function build(r) {
  const { path, query } = target(r.target);
  const body = withBody[r.method] ?? refuse('method', r.method);
  const lines = [['@method', r.method], ['@authority', authority(r.host)], ['@path', path], ['@query', query]];
  if (body) lines.push(['content-digest', r.digest]);
  demand(/^[A-Za-z0-9_-]{21}[AQgw]$/.test(r.nonce), 'nonce', '16 bytes in base64url');
  const params = `(${lines.map(([n]) => `"${n}"`).join(' ')});created=${r.created};nonce="${r.nonce}";keyid="${r.keyid}";alg="ed25519";tag="unibus-1"`;
  const base = [...lines, ['@signature-params', params]].map(([n, x]) => `"${n}": ${x}`).join('\n');
  return { input: `unibus=${params}`, base };
}

export const digestOf = (body) => `sha-256=:${base64(sha256(body))}:`;

// read parses what travels and verifies it. Signature-Input is built anew from
// what was parsed and compared.
export function read(method, host, line, headers) {
  const m = /;created=(0|[1-9][0-9]{0,11});nonce="([^"]*)";keyid="([a-z2-7]{26}):([0-9a-f]{64})";/.exec(headers.signature_input);
  demand(m, 'input', 'does not parse');
  const r = { method, host, target: line, created: m[1], nonce: m[2], keyid: `${m[3]}:${m[4]}`, digest: headers.content_digest };
  unid(m[3]);
  const body = withBody[method] ?? refuse('method', method);
  demand(body === Boolean(headers.content_digest), 'digest', 'where there is a body, and only there');
  if (body) unbase64(/^sha-256=:([A-Za-z0-9+/]*=*):$/.exec(headers.content_digest)?.[1] ?? refuse('digest', 'does not parse'), 32);
  const { input, base } = build(r);
  demand(input === headers.signature_input, 'input', 'is spelled another way');
  const s = /^unibus=:([A-Za-z0-9+/]*=*):$/.exec(headers.signature) ?? refuse('spelling', 'of a signature');
  demand(verifyPlain(unhex(m[4]), ascii(base), unbase64(s[1], 64)), 'signature', 'of a request');
  return { ...r, bus: m[3], base };
}

// check reads request.json.
export function check(list, t) {
  for (const v of list) {
    const seed = t.accept(`${v.name}: seed`, () => unhex(v.transport_seed, 32));
    if (!seed) continue;
    const digest = withBody[v.method] ? digestOf(ascii(v.body)) : undefined;
    t.same(`${v.name}: digest`, v.content_digest, digest);
    const made = t.accept(`${v.name}: builds`, () => build({ ...v, digest, keyid: `${v.bus}:${hex(signingPublic(seed))}` }));
    if (!made) continue;
    t.same(`${v.name}: input`, v.signature_input, made.input);
    t.same(`${v.name}: base`, v.signature_base, made.base);
    t.same(`${v.name}: signature`, v.signature, `unibus=:${base64(signPlain(seed, ascii(made.base)))}:`);
    t.accept(`${v.name}: verifies`, () => demand(read(v.method, v.host, v.target, v).bus === v.bus, 'bus', v.bus));
    if (!withBody[v.method]) t.same(`${v.name}: body`, v.body, '');
    t.only(v, ['name', 'transport_seed', 'bus', 'method', 'host', 'target', 'body', 'created', 'nonce', 'signature_base', 'signature_input', 'signature', 'content_digest']);
  }
}

// checkRefused reads refused.json.
export const checkRefused = (list, t) => list.forEach((v) => t.refuse(v.name, v.reason, () => read(v.method, v.host, v.target, v)));
