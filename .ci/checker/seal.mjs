// Everything that hangs on an epoch secret. docs/protocol.md: Envelopes and
// epoch secrets; Frames and records.
import { Reader, cat, equal, hex, uint, unhex, zero } from './bytes.mjs';
import { checkBlob, decrypt, readPlain } from './blob.mjs';
import { context, hpkeOpen, hpkeSeal, kemPublic, mac, open, seal, signContext, signingPublic, stretch, verifyContext } from './crypto.mjs';
import { demand, refuse } from './refuse.mjs';

export const confirm = (secret, message) => mac(stretch(secret, 'confirm', 32), message);

const keyAndNonce = (b) => [b.slice(0, 32), b.slice(32)];
const nameKeys = (secret, room, epoch, salt) => keyAndNonce(stretch(secret, 'name', 44, room, uint(epoch, 8), salt));

export function openName(secret, room, epoch, sealed) {
  demand(sealed.length === 96, 'length', 'of a sealed name');
  const plain = open(...nameKeys(secret, room, epoch, sealed.slice(0, 16)), sealed.slice(16));
  const r = new Reader(plain);
  const n = r.int(2);
  demand(n <= 62, 'length', 'of a name');
  const name = r.take(n);
  demand(zero(r.take(r.left)), 'padding', 'of a name');
  return utf8(name);
}

export function sealName(secret, room, epoch, salt, name) {
  const text = Buffer.from(name), plain = new Uint8Array(64);
  plain.set(cat(uint(text.length, 2), text));
  return cat(salt, seal(...nameKeys(secret, room, epoch, salt), plain));
}

function utf8(b) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(b);
  } catch {
    refuse('text', 'is not UTF-8');
  }
}

// sizes of the vectors' fields; the others are as long as they are.
const sizes = {
  secret: 32, room: 16, sealed: 96, bus: 16, prev: 32, actor: 16, recipient: 16, entry: 32, headHash: 16,
  contentSeed: 32, endpoint: 16, session: 16, salt: 16,
};

export const bin = (v, fields) => Object.fromEntries(fields.map((f) => [f, unhex(v[f], sizes[f])]));

export const envelopeInfo = (b) =>
  cat(context('envelope'), b.bus, b.room, b.prev, uint(b.epoch, 8), b.actor, b.recipient, uint(b.serial, 4));

export const grantInfo = (b) =>
  cat(context('grant'), b.bus, b.room, b.entry, uint(b.epoch, 8), b.actor, b.recipient, uint(b.serial, 4));

export function openEnvelope(seed, info, envelope) {
  demand(envelope.length === 1168, 'length', 'of an envelope');
  return hpkeOpen(seed, info, envelope);
}

const withReference = { 1: false, 2: true, 3: true, 4: true, 5: true, 6: false, 7: false };

// readRecords reads records up to the padding; every byte from there on is zero.
export function readRecords(plain) {
  const r = new Reader(plain), records = [];
  while (r.left) {
    const kind = r.int(1);
    if (kind === 0) {
      demand(zero(r.take(r.left)), 'padding', 'of a frame');
      break;
    }
    const record = { kind, id: r.take(16), end: 0 };
    const has = r.int(1);
    demand(has <= 1, 'flags', 'has reference');
    if (has) record.reference = { frame: r.take(16), number: r.int(2) };
    record.body = r.counted(2);
    record.end = r.at;
    if (kind in withReference) demand(withReference[kind] === Boolean(has), 'reference', `of kind ${kind}`);
    records.push(record);
  }
  demand(records.length > 0, 'empty', 'a frame without records');
  const end = records.at(-1).end;
  demand(end <= 64 << 10, 'length', 'of records');
  demand(plain.length === padded(end), 'padding', `${end} bytes stand in ${padded(end)}, not ${plain.length}`);
  return records;
}

// padded is the one size that records of n bytes take.
export const padded = (n) => (n <= 32 ? 32 : n <= 256 ? 256 : Math.ceil(n / 1024) * 1024);

export function readFrame(raw) {
  demand(raw.length <= 66 << 10, 'length', 'of a frame');
  const r = new Reader(raw);
  r.one(1, 'version');
  const f = { suite: r.int(1), room: r.take(16), epoch: r.big(8), headIndex: r.int(4), headHash: r.take(16), endpoint: r.take(16), session: r.take(16), index: r.int(4), salt: r.take(16) };
  demand(f.suite <= 1, 'suite', f.suite);
  return { ...f, header: raw.slice(0, r.at), rest: r.take(r.left) };
}

const frameKeys = (epoch, f) => {
  const sender = stretch(epoch.secret, 'sender', 32, epoch.entry, f.endpoint);
  return { sender, stretched: stretch(sender, 'frame', 44, f.session, uint(f.index, 4), f.salt) };
};

// openFrame opens a frame in its epoch; key gives the C of an endpoint of the audience.
export function openFrame(raw, epoch, key) {
  const f = readFrame(raw);
  demand(f.suite === epoch.suite, 'suite', 'is not the room\'s');
  demand(equal(f.room, epoch.room), 'room', 'of the frame');
  demand(f.epoch === BigInt(epoch.number), 'epoch', 'of the frame');
  const C = key(f.endpoint) ?? refuse('endpoint', 'is not in the audience');
  const additional = cat(f.header, epoch.entry);
  const plain = f.suite ? open(...keyAndNonce(frameKeys(epoch, f).stretched), f.rest, additional) : f.rest;
  const r = new Reader(plain);
  const signature = r.take(64), signed = cat(additional, r.bytes.slice(r.at));
  const sentAt = r.time(), records = r.take(r.left);
  demand(verifyContext('frame', C, signed, signature), 'signature', 'of a frame');
  return { ...f, sentAt, signature, signed, plain: records, records: readRecords(records) };
}

// sealFrame makes the bytes again from what the vector tells.
function sealFrame(v, b, epoch) {
  const header = cat(Uint8Array.of(1, v.suite), b.room, uint(v.epoch, 8), uint(v.headIndex, 4), b.headHash, b.endpoint, b.session, uint(v.index, 4), b.salt);
  const body = cat(uint(v.atMillis, 8), b.records, new Uint8Array(padded(b.records.length) - b.records.length));
  const signed = cat(header, epoch.entry, body);
  const plain = cat(signContext('frame', b.contentSeed, signed), body);
  if (!v.suite) return { frame: cat(header, plain), signed, senderKey: [], frameKeyNonce: [] };
  const keys = frameKeys(epoch, { ...b, index: v.index });
  const sealed = seal(...keyAndNonce(keys.stretched), plain, cat(header, epoch.entry));
  return { frame: cat(header, sealed), signed, senderKey: keys.sender, frameKeyNonce: keys.stretched };
}

export function epochOf(v) {
  const epoch = { ...bin(v, ['room', 'entry']), number: v.epoch, suite: v.suite };
  if (v.suite) return { ...epoch, ...bin(v, ['secret']) };
  demand(v.secret === '', 'value', 'a clear epoch has no secret');
  return epoch;
}

const frameFields = ['room', 'entry', 'headHash', 'contentSeed', 'endpoint', 'session', 'salt', 'records'];

function checkFrame(v, t, n) {
  const name = `frame ${n}`, b = t.accept(`${name} fields`, () => bin(v, frameFields));
  if (!b) return;
  const epoch = t.accept(`${name} epoch`, () => epochOf(v));
  if (!epoch) return;
  for (const [field, value] of Object.entries(sealFrame(v, b, epoch))) t.same(`${name} ${field}`, v[field], hex(value));
  t.accept(`${name} opens`, () => {
    const C = signingPublic(b.contentSeed);
    const f = openFrame(unhex(v.frame), epoch, (e) => (equal(e, b.endpoint) ? C : undefined));
    demand(f.sentAt === v.atMillis && f.headIndex === v.headIndex && f.index === v.index, 'value', 'of the frame');
    demand(equal(f.plain.slice(0, f.records.at(-1).end), b.records), 'value', 'of the records');
  });
  t.only(v, [...frameFields, 'suite', 'secret', 'epoch', 'headIndex', 'index', 'atMillis', 'senderKey', 'frameKeyNonce', 'signed', 'frame']);
}

// check reads seal-v1.json.
export function check(v, t) {
  t.same('confirm', v.confirm.tag, hex(confirm(unhex(v.confirm.secret, 32), unhex(v.confirm.fields))));
  t.only(v.confirm, ['secret', 'fields', 'tag']);
  const n = v.name, { secret, room, sealed } = bin(n, ['secret', 'room', 'sealed']);
  t.accept('name opens', () => demand(openName(secret, room, n.epoch, sealed) === n.name, 'value', 'of the name'));
  t.same('name', n.sealed, hex(sealName(secret, room, n.epoch, sealed.slice(0, 16), n.name)));
  t.only(n, ['secret', 'room', 'epoch', 'name', 'sealed']);
  const e = v.envelope, binding = { ...bin(e, ['bus', 'room', 'prev', 'actor', 'recipient']), epoch: e.epoch, serial: e.serial };
  t.same('envelope info', e.info, hex(envelopeInfo(binding)));
  t.accept('envelope opens', () => {
    const got = openEnvelope(unhex(e.kemSeed, 32), envelopeInfo(binding), unhex(e.envelope));
    demand(equal(got, unhex(e.secret)), 'value', 'of the secret');
  });
  t.only(e, ['kemSeed', 'bus', 'room', 'prev', 'actor', 'recipient', 'epoch', 'serial', 'info', 'envelope', 'secret']);
  checkBlob('blob', v.blob, t);
  v.frames.forEach((f, i) => checkFrame(f, t, i));
  t.only(v, ['confirm', 'name', 'envelope', 'blob', 'frames']);
}

// checkEnvelopes reads envelope.json: envelopes whose randomness is known.
export function checkEnvelopes(list, t) {
  list.forEach((v, i) => {
    const name = `envelope ${i}`;
    const b = t.accept(`${name} fields`, () => ({ ...bin(v, ['info', 'secret', 'envelope']), seed: unhex(v.kemSeed, 32), randomness: unhex(v.randomness, 64) }));
    if (!b) return;
    t.accept(`${name} randomness`, () => demand(b.randomness[63] < 128, 'value', 'X25519 does not read the last bit'));
    t.same(name, v.envelope, hex(hpkeSeal(kemPublic(b.seed), b.randomness, b.info, b.secret)));
    t.accept(`${name} opens`, () => demand(equal(openEnvelope(b.seed, b.info, b.envelope), b.secret), 'value', 'of the secret'));
    t.only(v, ['kemSeed', 'randomness', 'info', 'secret', 'envelope']);
  });
}

// checkGrants reads grant.json: keys that were handed on, sealed as envelopes are.
export function checkGrants(list, t) {
  list.forEach((v, i) => {
    const name = `grant ${i}`;
    const b = t.accept(`${name} fields`, () => ({ ...bin(v, ['bus', 'room', 'entry', 'actor', 'recipient', 'secret', 'grant']), seed: unhex(v.kemSeed, 32), randomness: unhex(v.randomness, 64) }));
    if (!b) return;
    t.accept(`${name} randomness`, () => demand(b.randomness[63] < 128, 'value', 'X25519 does not read the last bit'));
    const info = t.accept(`${name} binding`, () => grantInfo({ ...b, epoch: v.epoch, serial: v.serial }));
    if (!info) return;
    t.same(`${name} info`, v.info, hex(info));
    t.same(name, v.grant, hex(hpkeSeal(kemPublic(b.seed), b.randomness, info, b.secret)));
    t.accept(`${name} opens`, () => demand(equal(openEnvelope(b.seed, info, b.grant), b.secret), 'value', 'of the secret'));
    t.only(v, ['kemSeed', 'randomness', 'bus', 'room', 'entry', 'epoch', 'actor', 'recipient', 'serial', 'info', 'secret', 'grant']);
  });
}

const readers = {
  frame(v) {
    const endpoint = unhex(v.endpoint, 16), content = unhex(v.content, 32);
    const epoch = epochOf({ suite: 0, secret: '', ...v });
    return openFrame(unhex(v.raw), epoch, (e) => (equal(e, endpoint) ? content : undefined));
  },
  name: (v) => openName(unhex(v.secret, 32), unhex(v.room, 16), v.epoch, unhex(v.raw)),
  envelope: (v) => openEnvelope(unhex(v.kemSeed, 32), unhex(v.info), unhex(v.raw)),
  grant: (v) => openEnvelope(unhex(v.kemSeed, 32), unhex(v.info), unhex(v.raw)),
  blob: (v) => decrypt(unhex(v.key, 32), unhex(v.scope, 16), unhex(v.raw)),
  content: (v) => readPlain(unhex(v.raw)),
};

// checkRefused reads refused.json.
export const checkRefused = (list, t) => list.forEach((v) => t.refuse(`${v.kind}, ${v.name}`, v.reason, () => readers[v.kind](v)));
