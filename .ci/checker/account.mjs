// The rules of an account chain. docs/protocol.md: Account chain. An op is one
// entry of `ops`: how its body reads, and what it demands and does.
import { equal, hex, zero } from './bytes.mjs';
import { canSeal } from './crypto.mjs';
import { Chain, key, oneOf, readBody, readEntry, readRef, signedBy } from './entry.mjs';
import { accountOf, endpointOf, recoveryOf } from './identity.mjs';
import { demand, refuse } from './refuse.mjs';

const device = 1, recovery = 2;

export class Account extends Chain {
  constructor(bus, A) {
    super('account', bus, accountOf(A));
    this.A = A;
    this.state = { endpoints: new Map(), seen: new Map() };
  }

  // append takes an entry; world gives the bus log and the chains of admins.
  append(raw, world) {
    const e = readEntry(raw);
    this.link(e);
    const next = { endpoints: new Map([...this.state.endpoints].map(([k, v]) => [k, { ...v }])), seen: new Map(this.state.seen) };
    const op = oneOf(ops, e);
    demand(this.length || e.op === 0, 'op', 'the first entry is an add');
    op.apply(this, next, e, readBody(e, op.body), world);
    this.state = next;
    this.push(e, next);
    return e;
  }
}

export const live = (state, endpoint) => {
  const p = state.endpoints.get(key(endpoint));
  return p && p.kind === device && !p.revoked ? p : undefined;
};

const own = (chain, e) => demand(equal(e.account, chain.id), 'account', 'is not the chain\'s');

export const ops = {
  0: {
    name: 'add',
    body: (r) => ({ A: r.take(32), kind: r.int(1), C: r.take(32), T: r.take(32), kem: r.take(1216), name: r.counted(1) }),
    apply(chain, s, e, b) {
      demand(b.kind === device || b.kind === recovery, 'kind', b.kind);
      demand(equal(b.A, chain.A), 'account key', 'is not the chain\'s');
      own(chain, e);
      const id = b.kind === device ? endpointOf(b.C, b.T) : recoveryOf(b.kem);
      demand(equal(e.actor, id) || live(s, e.actor), 'actor', 'neither the endpoint added nor a live device');
      demand(b.name.length <= 64, 'name', 'too long');
      demand(s.endpoints.size > 0 || b.kind === device, 'kind', 'the first endpoint is a device');
      demand(s.endpoints.size < 256, 'full', '256 endpoints');
      demand(!s.endpoints.has(key(id)), 'used', 'endpoint listed before');
      if (b.kind === device) {
        demand(!equal(b.C, b.T) && !equal(b.C, b.A) && !equal(b.T, b.A), 'same key', 'C, T and A');
        for (const p of s.endpoints.values()) demand(p.kind !== device || (!equal(p.C, b.C) && !equal(p.T, b.T)), 'used', 'C or T listed before');
        demand(!zero(b.C) && !zero(b.T), 'key', 'a device without C or T');
      } else {
        demand(zero(b.C) && zero(b.T), 'kind', 'a recovery endpoint with C or T');
      }
      demand(canSeal(b.kem), 'key', 'kem');
      if (b.kind === device) signedBy(e, 'account', b.A, b.C);
      else signedBy(e, 'account', b.A);
      s.endpoints.set(key(id), { id, kind: b.kind, C: b.C, T: b.T, kem: b.kem, kems: [hex(b.kem)], serial: 1, made: e.time, revoked: false });
    },
  },
  1: {
    name: 'kem',
    body: (r) => ({ serial: r.int(4), kem: r.take(1216) }),
    apply(chain, s, e, b) {
      own(chain, e);
      const p = live(s, e.actor) ?? refuse('actor', 'no live device');
      demand(b.serial === p.serial + 1, 'serial', `${b.serial} after ${p.serial}`);
      demand(!p.kems.includes(hex(b.kem)), 'used', 'a kem key it had before');
      demand(canSeal(b.kem), 'key', 'kem');
      signedBy(e, 'account', p.C);
      Object.assign(p, { serial: b.serial, kem: b.kem, kems: [...p.kems, hex(b.kem)], made: e.time });
    },
  },
  2: {
    name: 'revoke',
    body: (r) => ({ signer: r.int(1), endpoint: r.take(16), ref: readRef(r) }),
    apply(chain, s, e, b, world) {
      const p = s.endpoints.get(key(b.endpoint)) ?? refuse('endpoint', 'is not listed');
      demand(!p.revoked, 'endpoint', 'is revoked already');
      signedBy(e, 'account', signers[b.signer]?.(chain, s, e, b, world) ?? refuse('signer', b.signer));
      p.revoked = true;
    },
  },
};

const signers = {
  1(chain, s, e, b) {
    own(chain, e);
    noRef(b);
    return (live(s, e.actor) ?? refuse('actor', 'no live device')).C;
  },
  2(chain, s, e, b) {
    own(chain, e);
    noRef(b);
    demand(zero(e.actor) || live(s, e.actor), 'actor', 'neither zero nor a live device');
    return chain.A;
  },
  3(chain, s, e, b, world) {
    const bus = world.bus.at(e.seen);
    const named = s.seen.get('admin') ?? 0;
    demand(e.seen.index >= named, 'seen', 'older than one named before');
    s.seen.set('admin', e.seen.index);
    const user = bus.users.get(key(e.account));
    demand(user && user.active && user.role === 'admin', 'right', 'the author is no active admin');
    const theirs = world.accounts.get(key(e.account)) ?? refuse('seen', 'no chain of that admin');
    return (live(theirs.at(b.ref), e.actor) ?? refuse('actor', 'no live device of the admin')).C;
  },
};

// The reference is an admin's; nobody else has one.
function noRef(b) {
  demand(b.ref.index === 0 && zero(b.ref.hash), 'reference', 'where no admin signs');
}
