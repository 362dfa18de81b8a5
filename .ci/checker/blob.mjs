// Blobs: Cobblestone-256 and the plaintext inside. docs/protocol.md: Blobs.
import { Reader, ascii, cat, equal, hex, uint, unhex, zero } from './bytes.mjs';
import { labelled, open, seal, sha256, stretch512 } from './crypto.mjs';
import { demand } from './refuse.mjs';

const chunk = 16 << 10;
const info = 'c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM';
const toTheEnd = (1n << 64n) - 1n;

export const contextOf = (scope) => labelled('blob', scope);

function keys(key, salt, scope) {
  const okm = stretch512(key, cat(ascii(info), uint(0, 1), salt, contextOf(scope)), 76);
  return { cipher: okm.slice(0, 32), base: okm.slice(32, 44), commitment: okm.slice(44) };
}

function nonce(base, i) {
  const n = uint(i, 12);
  return base.map((b, j) => b ^ n[j]);
}

export function encrypt(key, salt, scope, plain) {
  const k = keys(key, salt, scope), parts = [salt, k.commitment];
  for (let i = 0; i * chunk <= plain.length; i++) {
    parts.push(seal(k.cipher, nonce(k.base, i), plain.slice(i * chunk, (i + 1) * chunk)));
  }
  return cat(...parts);
}

export function decrypt(key, scope, ciphertext) {
  const r = new Reader(ciphertext);
  const k = keys(key, r.take(24), scope), parts = [];
  demand(equal(r.take(32), k.commitment), 'commitment', 'of a blob');
  for (let i = 0; ; i++) {
    const last = r.left < chunk + 16;
    demand(r.left >= 16, 'short', 'the last chunk is missing');
    parts.push(open(k.cipher, nonce(k.base, i), r.take(Math.min(r.left, chunk + 16))));
    if (last) return cat(...parts);
  }
}

// fullSize is what a plaintext of n bytes is padded to.
export function fullSize(n) {
  const step = n < 64 << 10 ? 4 << 10 : n < 1 << 20 ? 64 << 10 : 1;
  return Math.ceil(n / step) * step;
}

export function readPlain(plain) {
  const r = new Reader(plain);
  r.one(1, 'version');
  const size = r.big(8), length = r.int(2);
  demand(length <= 255, 'name', 'too long');
  const name = checkName(r.take(length));
  if (size === toTheEnd) return { name, data: r.take(r.left) };
  demand(size < 1n << 62n, 'size', size);
  demand(size <= BigInt(r.left), 'short', 'data');
  const data = r.take(Number(size)), end = r.at;
  demand(zero(r.take(r.left)), 'padding', 'of a blob');
  demand(plain.length === fullSize(end), 'padding', `${end} bytes stand in ${fullSize(end)}, not ${plain.length}`);
  return { name, data };
}

export function writePlain(name, data, openEnd = false) {
  const text = Buffer.from(name);
  const head = cat(Uint8Array.of(1), uint(openEnd ? toTheEnd : data.length, 8), uint(text.length, 2), text, data);
  if (openEnd) return head;
  const out = new Uint8Array(fullSize(head.length));
  out.set(head);
  return out;
}

function checkName(b) {
  const name = Buffer.from(b).toString();
  demand(!/[/\\\0]/.test(name) && name !== '.' && name !== '..', 'name', 'of a blob');
  return name;
}

const fields = { key: 32, salt: 24, scope: 16, context: 32, data: undefined, ciphertext: undefined };

export function checkBlob(label, v, t) {
  const b = t.accept(`${label} fields`, () => Object.fromEntries(Object.entries(fields).map(([f, n]) => [f, unhex(v[f], n)])));
  if (!b) return;
  t.same(`${label} context`, v.context, hex(contextOf(b.scope)));
  t.same(`${label} ciphertext`, v.ciphertext, hex(encrypt(b.key, b.salt, b.scope, writePlain(v.name, b.data))));
  t.accept(`${label} opens`, () => {
    const got = readPlain(decrypt(b.key, b.scope, b.ciphertext));
    demand(got.name === v.name && equal(got.data, b.data), 'value', 'of the blob');
  });
  t.only(v, [...Object.keys(fields), 'name']);
}

// checkBlobs reads blob.json: long ones, of which the sum is kept.
export function checkBlobs(list, t) {
  list.forEach((v, i) => {
    const b = t.accept(`blob ${i} fields`, () => Object.fromEntries(Object.entries({ key: 32, salt: 24, scope: 16, sum: 32 }).map(([f, n]) => [f, unhex(v[f], n)])));
    if (!b) return;
    t.accept(`blob ${i}`, () => demand(typeof v.toEnd === 'boolean' && v.size >= 0 && v.size < 1 << 22, 'size', v.size));
    const data = Uint8Array.from({ length: Math.min(v.size, 1 << 22) }, (_, j) => (7 * j + (j >> 8)) & 255);
    const sealed = encrypt(b.key, b.salt, b.scope, writePlain('', data, v.toEnd));
    t.same(`blob ${i} length`, v.length, sealed.length);
    t.same(`blob ${i} sum`, v.sum, hex(sha256(sealed)));
    t.accept(`blob ${i} opens`, () => demand(equal(readPlain(decrypt(b.key, b.scope, sealed)).data, data), 'value', 'of the blob'));
    t.only(v, ['key', 'salt', 'scope', 'size', 'toEnd', 'length', 'sum']);
  });
}
