// The envelope of all entries. docs/protocol.md: Entries and chains.
import { Reader, equal, hex, zero } from './bytes.mjs';
import { sha256, verifyContext } from './crypto.mjs';
import { demand, refuse } from './refuse.mjs';

const maxEntry = 512 << 10;
const chainSkew = 5 * 60 * 1000;

export function readRef(r) {
  return { index: r.int(4), hash: r.take(16) };
}

export function readEntry(raw) {
  demand(raw.length <= maxEntry, 'length', 'of an entry');
  const r = new Reader(raw);
  r.one(1, 'version');
  r.one(1, 'algorithm');
  const e = {
    raw, bus: r.take(16), chain: r.take(16), index: r.int(4), prev: r.take(32), time: r.time(),
    seen: readRef(r), account: r.take(16), actor: r.take(16), op: r.int(1), body: r.counted(3),
  };
  e.signed = raw.slice(0, r.at);
  const n = r.int(1);
  demand(n >= 1 && n <= 3, 'signatures', `${n} of them`);
  e.signatures = Array.from({ length: n }, () => r.take(64));
  r.end();
  e.hash = sha256(raw);
  return e;
}

export const prefix = (hash) => hash.slice(0, 16);

// signedBy holds the signatures against keys, in the order of the op.
export function signedBy(e, name, ...keys) {
  demand(e.signatures.length === keys.length, 'signatures', `${e.signatures.length}, not ${keys.length}`);
  keys.forEach((key, i) => demand(verifyContext(name, key, e.signed, e.signatures[i]), 'signature', `number ${i}`));
}

// Chain is what all three chains share: linking, and finding what `seen` names.
export class Chain {
  entries = [];
  states = []; // the state after each entry
  constructor(kind, bus, id) { Object.assign(this, { kind, bus, id }); }

  get length() { return this.entries.length; }
  get last() { return this.entries.at(-1); }

  // link checks where an entry stands; the ids are zero where they are its own hash.
  link(e) {
    const creates = e.index === 0 && this.kind !== 'account';
    if (creates && this.kind === 'bus') demand(zero(e.bus), 'bus', 'of a genesis is zero');
    else demand(equal(e.bus, this.bus), 'bus', 'of the entry');
    if (creates) demand(zero(e.chain), 'chain', 'of a creation is zero');
    else demand(equal(e.chain, this.id), 'chain', 'of the entry');
    demand(e.index === this.length, 'index', `${e.index}, not ${this.length}`);
    if (!this.length) return demand(zero(e.prev), 'prev', 'of the first entry is zero');
    demand(equal(e.prev, this.last.hash), 'prev', 'is not the newest hash');
    const newest = Math.max(...this.entries.map((x) => x.time));
    demand(e.time >= newest - chainSkew, 'time', 'too far behind the chain');
  }

  push(e, state) {
    if (!this.length && this.kind !== 'account') this.id = prefix(e.hash);
    if (!this.length && this.kind === 'bus') this.bus = this.id;
    this.entries.push(e);
    this.states.push(state);
  }

  // at gives the state as of a reference, which must name an entry of the chain.
  at(ref, reason = 'seen') {
    const e = this.entries[ref.index];
    demand(e && equal(prefix(e.hash), ref.hash), reason, `names no entry of the ${this.kind} chain: ${ref.index} ${hex(ref.hash)}`);
    return this.states[ref.index];
  }
}

// read runs a body's reader to its end, so that nothing stands behind it.
export function readBody(e, fields) {
  const r = new Reader(e.body);
  const body = fields(r);
  r.end();
  return body;
}

export const key = (b) => hex(b);

export function oneOf(table, e) {
  return table[e.op] ?? refuse('op', `${e.op} is no op of this chain`);
}
