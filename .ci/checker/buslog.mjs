// The rules of the bus log. docs/protocol.md: Bus log. An op is one entry of
// `ops`: how its body reads, and what it demands and does.
import { equal, hex, zero } from './bytes.mjs';
import { canSeal } from './crypto.mjs';
import { Chain, key, oneOf, readBody, readEntry, readRef, signedBy } from './entry.mjs';
import { speaker } from './account.mjs';
import { accountOf, endpointOf } from './identity.mjs';
import { demand, refuse } from './refuse.mjs';

const maxInviteLife = 30 * 24 * 3600 * 1000;
const adminAge = 7 * 24 * 3600 * 1000;
const text = (b) => Buffer.from(b).toString('latin1');

function handle(r) {
  const h = text(r.counted(1));
  demand(/^[a-z0-9][a-z0-9._-]{0,31}$/.test(h), 'handle', h);
  return h;
}

export class BusLog extends Chain {
  constructor() {
    super('bus');
    this.state = { users: new Map(), invites: new Map(), nodes: new Map(), seen: new Map() };
  }

  append(raw, world) {
    const e = readEntry(raw);
    this.link(e);
    const copy = (m) => new Map([...m].map(([k, v]) => [k, typeof v === 'object' ? { ...v } : v]));
    const s = this.state;
    const next = { ...s, users: copy(s.users), invites: copy(s.invites), nodes: copy(s.nodes), seen: copy(s.seen) };
    const op = oneOf(ops, e);
    demand((e.op === 0) === (e.index === 0), 'op', 'the genesis is the first entry, and only that');
    op.apply(next, e, readBody(e, op.body), world);
    this.state = next;
    this.push(e, next);
    return e;
  }
}

const byHandle = (s, h) => [...s.users.values()].find((u) => u.handle === h);

function newUser(s, e, b, role) {
  demand(!byHandle(s, b.handle), 'handle', 'is taken');
  const account = accountOf(b.A);
  demand(!s.users.has(key(account)), 'account key', 'stands for another account');
  s.users.set(key(account), { handle: b.handle, A: b.A, account, role, active: true, index: e.index, since: -Infinity });
}

// admin gives the C of the admin's endpoint that wrote the entry.
const admin = (s, e, world) => adminAt(s, e, e.account, e.actor, e.seen, world);

function adminAt(s, e, account, endpoint, seen, world) {
  const user = s.users.get(key(account));
  demand(user && user.active && user.role === 'admin', 'right', 'no active admin');
  const chain = world.accounts.get(key(account)) ?? refuse('seen', 'no chain of that admin');
  const p = speaker(chain.at(seen), endpoint, e.time);
  demand(seen.index >= (s.seen.get(key(account)) ?? 0), 'seen', 'older than one named before');
  s.seen.set(key(account), seen.index);
  return p.C;
}

const active = (s, h) => {
  const u = byHandle(s, h);
  return u?.active ? u : refuse('user', 'is not active');
};

const admins = (s) => [...s.users.values()].filter((u) => u.active && u.role === 'admin');

// against checks who signs an entry that may take something from an admin: two
// of three are enough where O is lost, and the last admin stays.
function against(s, e, b, world, user) {
  const C = admin(s, e, world), { cosigner: c } = b;
  if (user.role !== 'admin') {
    demand(!c, 'cosigner', 'against who is no admin');
    return signedBy(e, 'bus', C);
  }
  demand(admins(s).length > 1, 'last admin', b.handle);
  if (!c) return signedBy(e, 'bus', C, s.O);
  demand(!equal(c.account, e.account) && !equal(c.account, user.account) && !equal(e.account, user.account), 'cosigner', 'three are needed');
  const second = adminAt(s, e, c.account, c.endpoint, c.ref, world);
  for (const one of [e.account, c.account]) demand(e.time - s.users.get(key(one)).since >= adminAge, 'admin age', 'too short');
  signedBy(e, 'bus', C, second);
}

// A cosigner ends the body, or nothing does.
const readCosigner = (r) => (r.left ? { account: r.take(16), endpoint: r.take(16), ref: readRef(r) } : undefined);

// cosignerOf gives whom an entry names beside its author: it rests on his chain.
export const cosignerOf = (e) => (e.op === 5 || e.op === 6 ? readBody(e, ops[e.op].body).cosigner : undefined);

const roles = { 1: 'user', 2: 'admin' };

export const ops = {
  0: {
    name: 'genesis',
    body: (r) => ({ O: r.take(32), CA: r.take(32), handle: handle(r), A: r.take(32), C: r.take(32), T: r.take(32) }),
    apply(s, e, b) {
      demand(equal(e.account, accountOf(b.A)), 'account', 'is not that of A');
      demand(equal(e.actor, endpointOf(b.C, b.T)), 'actor', 'is not the endpoint of C and T');
      demand(!equal(b.O, b.A) && !equal(b.O, b.C), 'same key', 'O');
      signedBy(e, 'bus', b.O, b.A, b.C);
      Object.assign(s, { O: b.O, CA: b.CA, formerO: [b.O] });
      newUser(s, e, b, 'admin');
    },
  },
  1: {
    name: 'invite',
    body: (r) => ({ invite: r.take(16), handle: handle(r), C: r.take(32), T: r.take(32), kem: r.take(1216), until: r.time() }),
    apply(s, e, b, world) {
      const C = admin(s, e, world);
      demand(!byHandle(s, b.handle), 'handle', 'is taken');
      demand(b.until >= e.time && b.until - e.time <= maxInviteLife, 'not-after', 'out of range');
      demand(!zero(b.invite), 'used', 'the id is zero');
      for (const [id, i] of s.invites) {
        const keys = [i.C, i.T];
        demand(id !== key(b.invite) && !keys.some((k) => equal(k, b.C) || equal(k, b.T)), 'used', 'id or key served another invite');
      }
      demand(canSeal(b.kem), 'key', 'one-time');
      signedBy(e, 'bus', C);
      s.invites.set(key(b.invite), { ...b, endpoint: endpointOf(b.C, b.T), state: 'open', by: e.account });
    },
  },
  2: {
    name: 'invite-revoke',
    body: (r) => ({ invite: r.take(16) }),
    apply(s, e, b, world) {
      const C = admin(s, e, world);
      const i = openInvite(s, b.invite);
      signedBy(e, 'bus', C);
      i.state = 'revoked';
    },
  },
  3: {
    name: 'accept',
    body: (r) => ({ invite: r.take(16), A: r.take(32) }),
    apply(s, e, b) {
      const i = openInvite(s, b.invite);
      demand(equal(e.account, accountOf(b.A)), 'account', 'is not that of A');
      demand(equal(e.actor, i.endpoint), 'actor', 'is not the one-time endpoint');
      demand(!equal(b.A, i.C), 'same key', 'A is the one-time C');
      demand(e.time <= i.until, 'not-after', 'is over');
      signedBy(e, 'bus', i.C, b.A);
      newUser(s, e, { handle: i.handle, A: b.A }, 'user');
      Object.assign(i, { state: 'accepted', account: e.account });
    },
  },
  4: {
    name: 'user',
    body: (r) => ({ handle: handle(r), A: r.take(32) }),
    apply(s, e, b, world) {
      const C = admin(s, e, world);
      newUser(s, e, b, 'user');
      signedBy(e, 'bus', C);
    },
  },
  5: {
    name: 'role',
    body: (r) => ({ handle: handle(r), role: roles[r.int(1)] ?? refuse('role', 'unknown'), cosigner: readCosigner(r) }),
    apply(s, e, b, world) {
      const u = active(s, b.handle);
      against(s, e, b, world, u);
      if (u.role !== 'admin') u.since = e.time; // who was one from the genesis on has no such time
      u.role = b.role;
    },
  },
  6: {
    name: 'revoke',
    body: (r) => ({ handle: handle(r), cosigner: readCosigner(r) }),
    apply(s, e, b, world) {
      const u = active(s, b.handle);
      against(s, e, b, world, u);
      u.active = false;
    },
  },
  7: {
    name: 'node-add',
    body: (r) => ({ name: r.counted(1), spki: r.take(32), floor: r.int(1) }),
    apply(s, e, b, world) {
      const C = admin(s, e, world);
      demand(b.name.length >= 1 && b.name.length <= 32, 'name', 'of a node');
      demand(b.floor < 8, 'flags', 'of the floor');
      for (const [name, n] of s.nodes) demand(name === hex(b.name) || !equal(n.spki, b.spki), 'used', 'SPKI under another name');
      signedBy(e, 'bus', C);
      s.nodes.set(hex(b.name), { spki: b.spki, floor: b.floor });
    },
  },
  8: {
    name: 'node-remove',
    body: (r) => ({ name: r.counted(1) }),
    apply(s, e, b, world) {
      const C = admin(s, e, world);
      demand(s.nodes.has(hex(b.name)), 'name', 'no such node');
      signedBy(e, 'bus', C);
      s.nodes.delete(hex(b.name));
    },
  },
  9: {
    name: 'org-rotate',
    body: (r) => ({ O: r.take(32) }),
    apply(s, e, b, world) {
      const C = admin(s, e, world);
      const others = [C, ...s.formerO, ...[...s.users.values()].map((u) => u.A), ...[...s.invites.values()].flatMap((i) => [i.C, i.T])];
      demand(!others.some((k) => equal(k, b.O)), 'used', 'another key of the bus');
      signedBy(e, 'bus', C, s.O, b.O);
      Object.assign(s, { O: b.O, formerO: [...s.formerO, b.O] });
    },
  },
};

function openInvite(s, id) {
  const i = s.invites.get(key(id)) ?? refuse('invite', 'there is none');
  demand(i.state === 'open', 'invite', `is ${i.state}`);
  return i;
}
