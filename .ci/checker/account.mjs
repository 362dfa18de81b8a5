// The rules of an account chain. docs/protocol.md: Account chain. An op is one
// entry of `ops`: how its body reads, and what it demands and does.
import { equal, hex, zero } from './bytes.mjs';
import { canSeal } from './crypto.mjs';
import { Chain, key, oneOf, readBody, readEntry, readRef, signedBy } from './entry.mjs';
import { accountOf, endpointOf, recoveryOf } from './identity.mjs';
import { demand, refuse } from './refuse.mjs';

const device = 1, recovery = 2, bot = 3;
const byEndpoint = 1, byAccount = 2;
const mayAdd = 1, ends = 2, scoped = 4;
const maxLinkLife = 3600 * 1000;
const kemPause = 3600 * 1000;

export class Account extends Chain {
  constructor(bus, A) {
    super('account', bus, accountOf(A));
    this.firstA = A;
    this.state = { A, named: new Set([hex(A)]), endpoints: new Map(), links: new Map(), seen: 0 };
  }

  // append takes an entry; world gives the bus log and the chains of admins.
  append(raw, world) {
    const e = readEntry(raw);
    this.link(e);
    const copy = (m) => new Map([...m].map(([k, v]) => [k, { ...v }]));
    const s = this.state;
    const next = { ...s, named: new Set(s.named), endpoints: copy(s.endpoints), links: copy(s.links) };
    const op = oneOf(ops, e);
    demand(this.length || e.op === 0, 'op', 'the first entry is an add');
    op.apply(this, next, e, readBody(e, op.body), world);
    this.state = next;
    this.push(e, next);
    return e;
  }
}

export const signs = (p) => p.kind !== recovery;
export const over = (p, time) => p.rights.notAfter !== undefined && time > p.rights.notAfter;

// live gives an endpoint that signs, is not revoked and has time left.
export const live = (state, endpoint, time) => {
  const p = state.endpoints.get(key(endpoint));
  return p && signs(p) && !p.revoked && !over(p, time) ? p : undefined;
};

// speaker gives a live endpoint that speaks for its user everywhere.
export const speaker = (state, endpoint, time) => {
  const p = live(state, endpoint, time) ?? refuse('actor', 'no live endpoint');
  demand(!p.rights.scope, 'scope', 'has no say here');
  return p;
};

function readRights(r) {
  const flags = r.int(1), rights = { mayAdd: Boolean(flags & mayAdd) };
  demand(flags < 8, 'flags', flags);
  if (flags & ends) rights.notAfter = r.time();
  if (flags & scoped) {
    const verbs = r.int(1), rooms = Array.from({ length: r.int(1) }, () => hex(r.take(16)));
    demand(verbs >= 1 && verbs <= 3, 'scope', `verbs ${verbs}`);
    demand(rooms.length >= 1 && rooms.length <= 64, 'scope', `${rooms.length} rooms`);
    demand(rooms.every((id, i) => i === 0 || rooms[i - 1] < id), 'scope', 'rooms are sorted, each once');
    rights.scope = { verbs, rooms };
  }
  return rights;
}

// fit holds rights to the kind that has them.
function fit(kind, rights) {
  if (kind !== bot) demand(rights.notAfter === undefined && !rights.scope, 'rights', 'only a bot ends or has a scope');
  if (kind !== device) demand(!rights.mayAdd, 'rights', 'only a device may add');
}

const own = (chain, e) => demand(equal(e.account, chain.id), 'account', 'is not the chain\'s');

// twoKeys demands that C and T are two, and new to the chain.
function twoKeys(s, C, T) {
  demand(!zero(C) && !zero(T), 'key', 'C or T is zero');
  demand(!equal(C, T) && !equal(C, s.A) && !equal(T, s.A), 'same key', 'C, T and A');
  demand(!s.named.has(hex(C)) && !s.named.has(hex(T)), 'used', 'the chain named C or T before');
}

function name(s, ...keys) {
  for (const k of keys) s.named.add(hex(k));
}

// adder gives the key that signs an add or a link, and the device that has it.
function adder(s, e, signer) {
  if (signer === byAccount) return { key: s.A };
  demand(signer === byEndpoint, 'signer', signer);
  const p = live(s, e.actor, e.time) ?? refuse('actor', 'no live device');
  demand(p.kind === device && p.rights.mayAdd, 'right', 'may not add');
  return { key: p.C, device: p.id };
}

const nobodyOrLive = (s, e) => demand(zero(e.actor) || live(s, e.actor, e.time), 'actor', 'neither zero nor a live endpoint');

// list takes a new endpoint in.
function list(s, e, b, kind, rights) {
  const id = kind === recovery ? recoveryOf(b.kem) : endpointOf(b.C, b.T);
  demand(b.name.length <= 64, 'name', 'too long');
  demand(s.endpoints.size < 256, 'full', '256 endpoints');
  demand(!s.endpoints.has(key(id)), 'used', 'endpoint listed before');
  if (kind !== recovery) twoKeys(s, b.C, b.T);
  demand(!over({ rights }, e.time), 'not-after', 'the time of the endpoint is over');
  demand(canSeal(b.kem), 'key', 'kem');
  s.endpoints.set(key(id), { id, kind, rights, C: b.C, T: b.T, kem: b.kem, kems: [hex(b.kem)], serial: 1, made: e.time, revoked: false });
  if (kind !== recovery) name(s, b.C, b.T);
}

export const ops = {
  0: {
    name: 'add',
    body: (r) => ({ signer: r.int(1), A: r.take(32), kind: r.int(1), C: r.take(32), T: r.take(32), kem: r.take(1216), rights: readRights(r), name: r.counted(1) }),
    apply(chain, s, e, b) {
      demand(b.kind === device || b.kind === recovery || b.kind === bot, 'kind', b.kind);
      demand(equal(b.A, s.A), 'account key', 'is not the one in force');
      own(chain, e);
      if (b.kind === recovery) {
        demand(zero(b.C) && zero(b.T), 'kind', 'a recovery endpoint with C or T');
        demand(b.signer === byAccount, 'signer', 'A adds a recovery endpoint');
        demand([...s.endpoints.values()][0]?.kind === device, 'kind', 'the chain does not begin with a device');
      }
      fit(b.kind, b.rights);
      const by = adder(s, e, b.signer);
      const id = b.kind === recovery ? recoveryOf(b.kem) : endpointOf(b.C, b.T);
      demand((b.signer === byAccount && equal(e.actor, id)) || live(s, e.actor, e.time), 'actor', 'neither the endpoint added nor a live one');
      list(s, e, b, b.kind, b.rights);
      if (b.kind === recovery) signedBy(e, 'account', by.key);
      else signedBy(e, 'account', by.key, b.C);
    },
  },
  1: {
    name: 'kem',
    body: (r) => ({ serial: r.int(4), kem: r.take(1216) }),
    apply(chain, s, e, b) {
      own(chain, e);
      const p = live(s, e.actor, e.time) ?? refuse('actor', 'no live endpoint');
      demand(b.serial === p.serial + 1, 'serial', `${b.serial} after ${p.serial}`);
      demand(!p.kems.includes(hex(b.kem)), 'used', 'a kem key it had before');
      demand(e.time - p.made >= kemPause, 'pause', 'its last key is too young');
      demand(canSeal(b.kem), 'key', 'kem');
      signedBy(e, 'account', p.C);
      Object.assign(p, { serial: b.serial, kem: b.kem, kems: [...p.kems, hex(b.kem)], made: e.time });
    },
  },
  2: {
    name: 'revoke',
    body: (r) => ({ signer: r.int(1), endpoint: r.take(16), ref: readRef(r) }),
    apply(chain, s, e, b, world) {
      const p = s.endpoints.get(key(b.endpoint)) ?? [...s.links.values()].find((l) => equal(l.endpoint, b.endpoint)) ?? refuse('endpoint', 'is not listed');
      demand(!p.revoked && !p.accepted, 'endpoint', 'has ended already');
      signedBy(e, 'account', signers[b.signer]?.(chain, s, e, b, world) ?? refuse('signer', b.signer));
      p.revoked = true;
    },
  },
  3: {
    name: 'link',
    body: (r) => ({ signer: r.int(1), link: r.take(16), C: r.take(32), T: r.take(32), kem: r.take(1216), kind: r.int(1), rights: readRights(r), until: r.time() }),
    apply(chain, s, e, b) {
      demand(b.kind === device || b.kind === bot, 'kind', b.kind);
      own(chain, e);
      fit(b.kind, b.rights);
      const by = adder(s, e, b.signer);
      if (b.signer === byAccount) nobodyOrLive(s, e);
      demand(b.until >= e.time && b.until - e.time <= maxLinkLife, 'not-after', 'out of range');
      demand(!over(b, e.time), 'not-after', 'the time of the endpoint is over');
      demand(!s.links.has(key(b.link)), 'used', 'id served another link');
      twoKeys(s, b.C, b.T);
      demand(canSeal(b.kem), 'key', 'one-time');
      signedBy(e, 'account', by.key);
      s.links.set(key(b.link), { ...b, endpoint: endpointOf(b.C, b.T), by, accepted: false, revoked: false });
      name(s, b.C, b.T);
    },
  },
  4: {
    name: 'accept',
    body: (r) => ({ link: r.take(16), C: r.take(32), T: r.take(32), kem: r.take(1216), name: r.counted(1) }),
    apply(chain, s, e, b) {
      own(chain, e);
      demand(equal(e.actor, endpointOf(b.C, b.T)), 'actor', 'is not the endpoint that it lists');
      const l = s.links.get(key(b.link)) ?? refuse('link', 'there is none');
      demand(!l.accepted && !l.revoked, 'link', 'was accepted or revoked');
      if (l.by.device) demand(!s.endpoints.get(key(l.by.device)).revoked, 'link', 'of a device that is revoked');
      else demand(equal(l.by.key, s.A), 'link', 'of an A that is not in force');
      demand(e.time <= l.until, 'not-after', 'is over');
      list(s, e, b, l.kind, l.rights);
      signedBy(e, 'account', l.C, b.C);
      l.accepted = true;
    },
  },
  5: {
    name: 'rotate',
    body: (r) => ({ A: r.take(32) }),
    apply(chain, s, e, b) {
      own(chain, e);
      nobodyOrLive(s, e);
      demand(!s.named.has(hex(b.A)), 'used', 'the chain named this key before');
      signedBy(e, 'account', s.A, b.A);
      s.A = b.A;
      name(s, b.A);
    },
  },
};

// signers give the key that signs a revoke.
const signers = {
  1(chain, s, e, b) {
    own(chain, e);
    noRef(b);
    const p = live(s, e.actor, e.time) ?? refuse('actor', 'no live endpoint');
    demand(!p.rights.scope || equal(b.endpoint, p.id), 'scope', 'ends only itself');
    return p.C;
  },
  2(chain, s, e, b) {
    own(chain, e);
    noRef(b);
    nobodyOrLive(s, e);
    return s.A;
  },
  3(chain, s, e, b, world) {
    const bus = world.bus.at(e.seen);
    demand(e.seen.index >= s.seen, 'seen', 'older than one named before');
    s.seen = e.seen.index;
    const user = bus.users.get(key(e.account));
    const admin = (u) => u?.active && u.role === 'admin';
    demand(admin(user), 'right', 'the author is no active admin');
    demand(equal(e.account, chain.id) || !admin(bus.users.get(key(chain.id))), 'right', 'of another admin');
    const theirs = world.accounts.get(key(e.account)) ?? refuse('seen', 'no chain of that admin');
    return speaker(theirs.at(b.ref), e.actor, e.time).C;
  },
};

// The reference is an admin's; nobody else has one.
function noRef(b) {
  demand(b.ref.index === 0 && zero(b.ref.hash), 'reference', 'where no admin signs');
}
