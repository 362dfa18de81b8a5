// Keys, ids, links, key lines and words. docs/protocol.md: Keys and names;
// Links, key lines, words, fingerprints, the identity file.
import { isIPv4, isIPv6 } from 'node:net';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { Reader, ascii, base32, base64url, cat, equal, hex, uint, unbase64url, unhex, zero } from './bytes.mjs';
import { canSeal, context, derive, kemPublic, labelled, sha256, sha512, signContext, signingPublic, strict, verifyContext, verifyPlain } from './crypto.mjs';
import { demand, refuse } from './refuse.mjs';

export const endpointOf = (c, t) => sha256(cat(c, t)).slice(0, 16);
export const recoveryOf = (r) => labelled('recovery', r).slice(0, 16);
export const accountOf = (a) => labelled('account id', a).slice(0, 16);

// nkey: NATS' prefix of a user, the key, CRC-16 (XMODEM), in upper-case base32.
export function nkey(t) {
  const body = cat(uint(20 << 3, 1), t);
  let crc = 0;
  for (const byte of body) {
    crc ^= byte << 8;
    for (let i = 0; i < 8; i++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return base32(cat(body, uint(crc & 255, 1), uint(crc >> 8, 1))).toUpperCase();
}

// groups are six of five digits, each of the next 5 bytes.
function groups(bytes) {
  const r = new Reader(bytes);
  return Array.from({ length: 6 }, () => String(r.big(5) % 100000n).padStart(5, '0')).join(' ');
}

export const fingerprint = (key) => groups(labelled('fingerprint', key));

const sixes = new Map(); // of accounts and keys: the self-test asks for the same ones again

function six(account, A) {
  const id = hex(cat(account, A));
  if (!sixes.has(id)) {
    let h = cat(context('safety number'), account);
    for (let i = 0; i < 5200; i++) h = sha512(cat(h, A));
    sixes.set(id, groups(h));
  }
  return sixes.get(id);
}

// safetyNumber is of two accounts, each an id and its A.
export const safetyNumber = (one, other) => [six(...one), six(...other)].sort().join(' ');

// words spells 32 bytes and the first of their hash, 11 bits a word.
export function words(secret) {
  const bits = BigInt('0x' + hex(cat(secret, sha256(secret).slice(0, 1))));
  return Array.from({ length: 24 }, (_, i) => wordlist[Number((bits >> BigInt(11 * (23 - i))) & 2047n)]).join(' ');
}

// readWords gives the 32 bytes back.
export function readWords(text) {
  const list = text.split(' ').map((w) => wordlist.indexOf(w));
  demand(list.length === 24 && list.every((i) => i >= 0), 'spelling', '24 words of the list');
  const all = uint(list.reduce((n, i) => (n << 11n) | BigInt(i), 0n), 33), secret = all.slice(0, 32);
  demand(all[32] === sha256(secret)[0], 'checksum', 'of the words');
  return secret;
}

const linkKinds = { 1: 'invite', 2: 'founding', 3: 'device', 4: 'bus' };

export function readLink(text) {
  demand(text.length <= 512, 'length', 'of a link');
  const m = /^unibus:\/\/([^/#?@]+)\/#([A-Za-z0-9_-]+)$/.exec(text);
  demand(m, 'spelling', 'of a link');
  const raw = unbase64url(m[2]);
  demand(raw.length >= 4, 'short', 'link');
  const r = new Reader(raw);
  r.one(1, 'version');
  const kind = linkKinds[r.int(1)] ?? refuse('kind', 'of a link');
  const link = { kind, address: m[1], ca: hex(r.take(32)), org: r.take(32) };
  demand(zero(link.org) === (kind === 'founding'), 'kind', 'O is zero in a founding link alone');
  link.org = hex(link.org);
  if (kind !== 'bus') Object.assign(link, { id: base32(r.take(16)), seed: hex(r.take(32)) });
  const body = raw.slice(0, r.at), sum = r.take(4);
  r.end();
  demand(equal(labelled('link', body).slice(0, 4), sum), 'checksum', 'of a link');
  checkAddress(m[1]);
  return link;
}

function checkAddress(text) {
  const [, six, host, port] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+)):([1-9][0-9]{0,4})$/.exec(text) ?? refuse('address', text);
  demand(Number(port) < 65536, 'address', 'port');
  if (six !== undefined) {
    demand(isIPv6(six) && new URL(`http://[${six}]`).hostname === `[${six}]`, 'address', 'IPv6 in its short form');
  } else if (!isIPv4(host)) {
    const labels = host.split('.');
    demand(host.length <= 253 && labels.every((l) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(l)), 'address', 'labels of a name');
    demand(!/^[0-9]+$/.test(labels.at(-1)), 'address', 'neither name nor address');
  }
}

export function readKeyLine(text) {
  demand(text.startsWith('unibus-key:'), 'spelling', 'of a key line');
  const raw = unbase64url(text.slice('unibus-key:'.length));
  const r = new Reader(raw);
  r.one(1, 'version');
  r.one(1, 'algorithm');
  const flags = r.int(1);
  demand(flags < 4, 'flags', flags);
  const line = { content: r.take(32), transport: r.take(32), account: r.take(32) };
  if (flags & 1) line.kem = r.take(1216);
  if (flags & 2) line.recovery = r.take(1216);
  const signed = raw.slice(0, r.at), byC = r.take(64), byA = r.take(64);
  r.end();
  const { content: c, transport: t, account: a } = line;
  demand(!equal(c, t) && !equal(c, a) && !equal(t, a), 'same key', 'C, T and A');
  demand(strict(t), 'key', 'T');
  for (const kem of [line.kem, line.recovery]) demand(!kem || canSeal(kem), 'key', 'kem');
  demand(verifyContext('key line', c, signed, byC), 'signature', 'of C');
  demand(verifyContext('key line', a, signed, byA), 'signature', 'of A');
  return line;
}

export function writeKeyLine(c, a, t, kem, recovery) {
  const body = cat(Uint8Array.of(1, 1, (kem ? 1 : 0) | (recovery ? 2 : 0)), signingPublic(c), t, signingPublic(a), kem ?? new Uint8Array(0), recovery ?? new Uint8Array(0));
  return 'unibus-key:' + base64url(cat(body, signContext('key line', c, body), signContext('key line', a, body)));
}

// check reads identity.json: everything in it follows from three seeds.
export function check(v, t) {
  const seeds = [v.content_seed, v.transport_seed, v.seed].map((s) => unhex(s, 32));
  const [content, transport, seed] = seeds;
  const account = derive(seed, 'account key'), recovery = derive(seed, 'recovery kem');
  const c = signingPublic(content), tr = signingPublic(transport), a = signingPublic(account);
  const want = {
    content_seed: hex(content), transport_seed: hex(transport), seed: hex(seed),
    account_seed: hex(account), account_public: hex(a), account_id: base32(accountOf(a)), account_fingerprint: fingerprint(a),
    content_public: hex(c), content_public_hash: hex(sha256(c)),
    transport_public: hex(tr), transport_nkey: nkey(tr), endpoint_id: base32(endpointOf(c, tr)),
    recovery_seed: hex(recovery), recovery_endpoint: base32(recoveryOf(kemPublic(recovery))),
    one_time_content_public: hex(signingPublic(derive(seed, 'one-time content'))),
    one_time_transport: hex(signingPublic(derive(seed, 'one-time transport'))),
    one_time_kem_seed: hex(derive(seed, 'one-time kem')),
    frame_signature_of_hello: hex(signContext('frame', content, ascii('hello'))),
    key_line: writeKeyLine(content, account, tr),
    words_of_seed: words(seed),
    safety_number: safetyNumber([accountOf(a), a], [cat(uint(1, 1), new Uint8Array(15)), c]),
  };
  for (const [name, value] of Object.entries(want)) t.same(name, v[name], value);
  t.accept('key line', () => readKeyLine(v.key_line));
  t.accept('words', () => demand(equal(readWords(v.words_of_seed), seed), 'value', 'words'));
  t.accept('hello', () => demand(verifyContext('frame', c, ascii('hello'), unhex(v.frame_signature_of_hello)), 'signature', 'hello'));
  t.accept('invite link', () => {
    const link = readLink(v.link_invite);
    demand(link.kind === 'invite' && link.seed === hex(seed), 'kind', link.kind);
  });
  t.accept('bus link', () => {
    const link = readLink(v.link_bus), { address } = readLink(v.link_invite);
    demand(link.kind === 'bus' && link.address === address, 'value', 'bus link');
  });
  t.only(v, [...Object.keys(want), 'link_invite', 'link_bus']);
}

// checkTexts reads text.json: links and key lines of every kind.
export function checkTexts(v, t) {
  v.links.forEach((x, i) => {
    const link = t.accept(`link ${i}`, () => readLink(x.text));
    t.same(`link ${i} says`, JSON.stringify({ ...x, text: undefined }), JSON.stringify(link));
  });
  v.key_lines.forEach((x, i) => t.accept(`key line ${i}`, () => {
    const seed = (name) => x[name] && unhex(x[name], 32);
    const kem = (name) => x[name] && kemPublic(seed(name));
    const made = writeKeyLine(seed('content_seed'), seed('account_seed'), signingPublic(seed('transport_seed')), kem('kem_seed'), kem('recovery_seed'));
    demand(made === x.text, 'value', made);
    readKeyLine(x.text);
  }));
  v.key_lines.forEach((x) => t.only(x, ['text', 'content_seed', 'account_seed', 'transport_seed', 'kem_seed', 'recovery_seed']));
  t.only(v, ['links', 'key_lines']);
}

const readers = {
  link: (x) => readLink(x.text),
  'key line': (x) => readKeyLine(x.text),
  'kem key': (x) => demand(canSeal(unhex(x.key, 1216)), 'key', 'nobody can seal to it'),
  signature(x) {
    const [key, message, signature] = [unhex(x.key, 32), unhex(x.message), unhex(x.signature)];
    const name = x.context?.replace(/^unibus\/1 /, '');
    demand(name === undefined ? verifyPlain(key, message, signature) : verifyContext(name, key, message, signature), 'signature', 'does not hold');
  },
};

// checkRefused reads refused.json.
export const checkRefused = (list, t) => list.forEach((x) => t.refuse(`${x.kind}, ${x.name}`, x.reason, () => readers[x.kind](x)));
