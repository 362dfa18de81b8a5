// The rules of a room log. docs/protocol.md: Room log. An op is one entry of
// `ops`: how its body reads, and what it demands and does.
import { equal, zero } from './bytes.mjs';
import { Chain, key, oneOf, readBody, readEntry, readRef, signedBy } from './entry.mjs';
import { live, over, speaker } from './account.mjs';
import { checkStart, readStart, roleOf } from './start.mjs';
import { demand, refuse } from './refuse.mjs';

const reader = 1, member = 2, owner = 3;
const day = 24 * 3600 * 1000;
const someRole = (r) => r >= reader && r <= owner;

export class RoomLog extends Chain {
  constructor(bus) {
    super('room', bus);
    this.state = { members: new Map(), guests: new Map(), pins: new Map(), seen: 0, closed: false };
  }

  append(raw, world) {
    const e = readEntry(raw);
    this.link(e);
    const copy = (m) => new Map([...m].map(([k, v]) => [k, typeof v === 'object' ? { ...v } : v]));
    const s = this.state;
    const next = { ...s, id: this.id, members: copy(s.members), guests: copy(s.guests), pins: copy(s.pins) };
    const op = oneOf(ops, e);
    demand(!s.closed, 'closed', 'nothing follows close');
    demand((e.op === 0) === (e.index === 0) && (e.index !== 1 || e.op === 1), 'op', 'create, then rekey');
    const bus = world.bus.at(e.seen);
    demand(e.seen.index >= s.seen, 'seen', 'older than one named before');
    next.seen = e.seen.index;
    op.apply({ chain: this, s: next, e, b: readBody(e, op.body), bus, world });
    this.state = next;
    this.push(e, next);
    return e;
  }
}

const active = (bus, account) => Boolean(bus.users.get(key(account))?.active);

// guestLives: the invite of a guest is not over, and open or taken up by an
// account that has its right still.
function guestLives(bus, invite, time) {
  const i = bus.invites.get(key(invite));
  return i && time <= i.until && (i.state === 'open' || (i.state === 'accepted' && active(bus, i.account)));
}

// heir is who becomes owner where nobody with a right left is one: whoever has
// been in the room longest, writers first.
function heir(s, bus) {
  const alive = [...s.members.values()].filter((x) => active(bus, x.account));
  if (alive.some((x) => x.role === owner)) return undefined;
  return alive.sort((a, b) => b.role - a.role || a.since - b.since || Buffer.compare(a.account, b.account))[0];
}

const owners = (s) => [...s.members.values()].filter((m) => m.role === owner);

// starter checks who may write an entry that starts an epoch, in which the heir
// counts as owner, and gives the role of his endpoint and its C.
function starter({ s, e, bus, world }, start, least) {
  const m = s.members.get(key(e.account));
  demand(m && active(bus, e.account), 'right', 'the author is no member with a right');
  const p = endpointAt(live, e, start.members.find((p) => equal(p.account, e.account)), world);
  const role = roleOf(p, s, heir(s, bus) === m ? owner : m.role);
  demand(role >= least, 'right', `role ${role}, not ${least}`);
  return { role, C: p.C };
}

// writer checks who may write an entry without a start: by the roles of the
// log, at the position that the epoch in force pins.
function writer({ s, e, bus, world }, least) {
  const m = s.members.get(key(e.account));
  demand(m && active(bus, e.account) && m.role >= least, 'right', 'the author is not, or not that');
  return endpointAt(speaker, e, s.epoch.members.find((p) => equal(p.account, e.account)), world).C;
}

// endpointAt finds the actor as of a pin: who starts an epoch is live, anybody
// else a speaker.
function endpointAt(find, e, pin, world) {
  demand(pin, 'pin', 'none for the author');
  const chain = world.accounts.get(key(e.account)) ?? refuse('pin', 'no chain of the author');
  return find(chain.at(pin.ref, 'pin'), e.actor, e.time) ?? refuse('actor', 'no live endpoint');
}

// begin starts an epoch of everybody who is in the room after the change.
function begin({ s, e, bus, world }, start) {
  const taken = (g) => { const i = bus.invites.get(key(g)); return i.account && s.members.has(key(i.account)); };
  const members = [...s.members.values()].map((m) => m.account).filter((a) => active(bus, a));
  const guests = [...s.guests.values()].map((g) => g.invite).filter((g) => guestLives(bus, g, e.time) && !taken(g));
  const leaves = checkStart(s, e, start, bus, members, guests, world);
  for (const [k, m] of s.members) if (!active(bus, m.account)) s.members.delete(k);
  for (const [k, g] of s.guests) if (!guestLives(bus, g.invite, e.time) || taken(g.invite)) s.guests.delete(k);
  for (const m of start.members) s.pins.set(key(m.account), m.ref.index);
  const next = heir(s, bus);
  if (next) next.role = owner;
  for (const l of leaves) l.writes = writes(s, l);
  s.epoch = { number: start.epoch, account: e.account, time: e.time, members: start.members, leaves, root: start.root, confirm: start.confirm };
  s.left = false;
}

// writes says whether an endpoint of an audience may send, by the roles of the
// log; it is undefined of whom no member answers for, and of keys that sign nothing.
function writes(s, l) {
  const m = l.endpoint && s.members.get(key(l.account));
  return m && roleOf(l.endpoint, s, m.role) >= member;
}

// due says whether a member may ask for the epoch for this reason; reason 3 is
// for the node, which counts frames.
const due = {
  1: () => false,
  2: ({ s, e }) => e.time - s.epoch.time >= day,
  3: () => true,
  4: ({ s, e, b }) => b.start.members.length !== s.members.size || b.start.guests.length !== s.guests.size
    || b.start.members.some((m) => !s.epoch.members.some((p) => equal(p.account, m.account) && p.ref.index === m.ref.index && equal(p.ref.hash, m.ref.hash)))
    || s.epoch.leaves.some((l) => (writes(s, l) ?? l.writes) !== l.writes || (l.endpoint && over(l.endpoint, e.time))),
  5: ({ s }) => s.left,
  6: () => true,
};

// complain holds a complaint, an owner's too, to the epoch in force; whether
// the envelope is his the node knows, which has the leaves.
function complain({ s, e }, c) {
  demand(s.suite === 1, 'complaint', 'where nothing is sealed');
  demand(s.epoch && c.epoch === s.epoch.number, 'complaint', 'of another epoch');
  demand(!equal(s.epoch.account, e.account), 'complaint', 'of his own epoch');
  demand(s.epoch.leaves.some((l) => equal(l.id, e.actor)), 'complaint', 'nothing was sealed to the author');
}

export const ops = {
  0: {
    name: 'create',
    body: (r) => ({ suite: r.int(1), flags: r.int(1), history: r.int(1), retention: r.int(4), ref: readRef(r), random: r.take(16) }),
    apply({ s, e, b, bus, world }) {
      demand(b.suite <= 1, 'suite', b.suite);
      demand(b.flags < 8, 'flags', b.flags);
      demand(b.history === 1 || b.history === 2, 'history', b.history);
      demand(b.retention > 0, 'retention', 'is zero');
      demand(active(bus, e.account), 'right', 'the author is not active');
      signedBy(e, 'room', endpointAt(speaker, e, { account: e.account, ref: b.ref }, world).C);
      Object.assign(s, { suite: b.suite, recovery: Boolean(b.flags & 2), direct: Boolean(b.flags & 4), history: b.history });
      s.members.set(key(e.account), { account: e.account, role: owner, since: 0 });
      s.pins.set(key(e.account), b.ref.index);
    },
  },
  1: {
    name: 'rekey',
    body(r) {
      const reason = r.int(1);
      const complaint = reason === 6 ? { epoch: r.int(8), envelope: r.take(32) } : undefined;
      return { reason, complaint, start: readStart(r) };
    },
    apply(x) {
      const { e, b } = x;
      const reason = due[b.reason] ?? refuse('reason', b.reason);
      const { role, C } = starter(x, b.start, member);
      signedBy(e, 'room', C);
      if (b.complaint) complain(x, b.complaint);
      demand(role === owner || reason(x), 'reason', `${b.reason} does not hold`);
      begin(x, b.start);
    },
  },
  2: {
    name: 'add',
    body: (r) => ({
      members: r.list(() => ({ account: r.take(16), role: r.int(1) })),
      guests: r.list(() => ({ invite: r.take(16), role: r.int(1) })),
      start: readStart(r),
    }),
    apply(x) {
      const { s, e, b, bus } = x;
      demand(b.members.length + b.guests.length > 0, 'empty', 'nobody is added');
      signedBy(e, 'room', starter(x, b.start, owner).C);
      for (const m of b.members) {
        demand(someRole(m.role), 'role', m.role);
        demand(!s.members.has(key(m.account)) && active(bus, m.account), 'user', 'is not new or not active');
        s.members.set(key(m.account), { ...m, since: e.index });
      }
      for (const g of b.guests) {
        demand(someRole(g.role), 'role', g.role);
        demand(guestLives(bus, g.invite, e.time) && bus.invites.get(key(g.invite)).state === 'open' && !s.guests.has(key(g.invite)), 'invite', 'is not open, or a guest already');
        s.guests.set(key(g.invite), g);
      }
      begin(x, b.start);
    },
  },
  3: {
    name: 'remove',
    body: (r) => ({ members: r.list(() => r.take(16)), guests: r.list(() => r.take(16)), start: readStart(r) }),
    apply(x) {
      const { s, e, b, bus } = x;
      demand(b.members.length + b.guests.length > 0, 'empty', 'nobody is removed');
      const { role, C } = starter(x, b.start, member);
      const owns = role === owner;
      signedBy(e, 'room', C);
      for (const a of b.members) {
        demand(s.members.has(key(a)) && !equal(a, e.account), 'user', 'is no member, or the author');
        demand(owns || !active(bus, a), 'right', 'a member removes who has lost his right');
        s.members.delete(key(a));
      }
      for (const g of b.guests) {
        demand(s.guests.has(key(g)), 'invite', 'is no guest');
        demand(owns || !guestLives(bus, g, e.time), 'right', 'a member removes who has lost his right');
        s.guests.delete(key(g));
      }
      begin(x, b.start);
    },
  },
  4: {
    name: 'accept',
    body: (r) => ({ invite: r.take(16), start: readStart(r) }),
    apply(x) {
      const { s, e, b, bus, world } = x;
      const guest = s.guests.get(key(b.invite)) ?? refuse('invite', 'is no guest');
      const i = bus.invites.get(key(b.invite));
      demand(i.state === 'accepted' && equal(i.account, e.account), 'invite', 'the account did not take it up');
      demand(active(bus, e.account), 'right', 'the author is not active');
      demand(e.time <= i.until, 'not-after', 'is over');
      demand(!s.members.has(key(e.account)), 'user', 'is a member');
      const { C } = endpointAt(speaker, e, b.start.members.find((m) => equal(m.account, e.account)), world);
      signedBy(e, 'room', i.C, C);
      s.guests.delete(key(b.invite));
      s.members.set(key(e.account), { account: e.account, role: guest.role, since: e.index });
      begin(x, b.start);
    },
  },
  5: {
    name: 'role',
    body: (r) => ({ account: r.take(16), role: r.int(1) }),
    apply(x) {
      const { s, e, b } = x;
      demand(someRole(b.role), 'role', b.role);
      signedBy(e, 'room', writer(x, owner));
      const m = s.members.get(key(b.account)) ?? refuse('user', 'is no member');
      demand(b.role === owner || owners(s).some((o) => o !== m), 'last owner', 'keeps his role');
      m.role = b.role;
    },
  },
  6: {
    name: 'policy',
    body: (r) => ({ retention: r.int(4), name: r.counted(1) }),
    apply(x) {
      demand(x.b.retention > 0, 'retention', 'is zero');
      demand(x.b.name.length <= 128, 'name', 'too long');
      signedBy(x.e, 'room', writer(x, owner));
    },
  },
  7: {
    name: 'close',
    body: () => ({}),
    apply(x) {
      signedBy(x.e, 'room', writer(x, owner));
      x.s.closed = true;
    },
  },
  8: {
    name: 'leave',
    body: (r) => ({ successor: r.take(16), closing: { seq: r.int(8), frame: r.take(16) } }),
    apply(x) {
      const { s, e, b, bus } = x;
      signedBy(e, 'room', writer(x, reader));
      const owns = s.members.get(key(e.account)).role === owner;
      if (zero(b.successor)) {
        demand(!owns || owners(s).length > 1, 'last owner', 'names no successor');
      } else {
        const to = s.members.get(key(b.successor));
        demand(owns && to && !equal(b.successor, e.account) && active(bus, b.successor), 'successor', 'another active member, named by an owner');
        to.role = owner;
      }
      s.members.delete(key(e.account));
      s.left = true;
    },
  },
};
