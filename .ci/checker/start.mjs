// The start of an epoch and its audience. docs/protocol.md: Room log.
import { cat, equal, hex, uint } from './bytes.mjs';
import { labelled } from './crypto.mjs';
import { key, readRef } from './entry.mjs';
import { live, signs } from './account.mjs';
import { demand } from './refuse.mjs';

const day = 24 * 3600 * 1000;
const kemLife = (7 + 60) * day; // KEMLife + KEMGrace
const maxEndpoints = 2000;

export function readStart(r) {
  return {
    epoch: r.int(8), notAfter: r.time(), closing: { seq: r.int(8), frame: r.take(16) },
    members: r.list(() => ({ account: r.take(16), ref: readRef(r) })),
    guests: r.list(() => r.take(16)),
    endpoints: r.int(2), root: r.take(32), name: r.counted(1), confirm: r.take(32),
  };
}

const rising = (ids) => ids.every((id, i) => i === 0 || Buffer.compare(ids[i - 1], id) < 0);

// verbsOf says what an endpoint may do in a room: 1 read, 2 publish, 3 both.
const verbsOf = ({ rights: { scope } }, room) => (scope ? scope.rooms.includes(hex(room.id)) && scope.verbs : 3);

// roleOf is the role of a member's endpoint: with a scope it is less.
export const roleOf = (p, room, role) => (!p.rights.scope ? role : verbsOf(p, room) & 2 ? Math.min(role, 2) : 1);

// awake says whether the kem key is young enough; what has an end keeps it until then.
const awake = (p, time) => p.rights.notAfter !== undefined || time - p.made <= kemLife;

// audience computes who gets the secret, sorted by endpoint id.
export function audience(room, bus, start, time, world) {
  const leaves = new Map();
  const put = (id, leaf) => leaves.has(key(id)) || leaves.set(key(id), { id, ...leaf });
  for (const m of start.members) {
    const chain = world.accounts.get(key(m.account));
    demand(chain, 'pin', 'no chain of a member');
    const state = chain.at(m.ref, 'pin');
    for (const p of state.endpoints.values()) {
      if (!signs(p)) {
        if (room.recovery && !p.revoked) put(p.id, { serial: p.serial, account: m.account });
      } else if (live(state, p.id, time) && verbsOf(p, room) && awake(p, time)) {
        put(p.id, { serial: p.serial, account: m.account, endpoint: p });
      }
    }
  }
  for (const g of start.guests) put(bus.invites.get(key(g)).endpoint, { serial: 1, invite: g });
  return [...leaves.values()].sort((a, b) => Buffer.compare(a.id, b.id));
}

// rootOf is the audience root; envelope gives the hash of a leaf's envelope.
export function rootOf(room, leaves, envelope) {
  return labelled('audience', room, uint(leaves.length, 2), ...leaves.map((l) => cat(l.id, uint(l.serial, 4), envelope(l))));
}

// checkStart holds a start against the room after its change. members and
// guests are who is in the room by then, dead ones left out.
export function checkStart(s, e, start, bus, members, guests, world) {
  demand(start.epoch === (s.epoch?.number ?? 0) + 1, 'epoch', `${start.epoch}`);
  const life = start.notAfter - e.time;
  demand(life >= day && life <= 7 * day, 'not-after', 'of the epoch');
  demand(rising(start.members.map((m) => m.account)) && rising(start.guests), 'order', 'members and guests are sorted');
  const same = (got, want) => equal(cat(...got), cat(...want.sort(Buffer.compare)));
  demand(same(start.members.map((m) => m.account), members), 'members', 'are not those of the room');
  demand(same(start.guests, guests), 'guests', 'are not those of the room');
  demand(members.length + guests.length <= (s.direct ? 2 : maxEndpoints), 'full', 'the room');
  for (const m of start.members) {
    demand(m.ref.index >= (s.pins.get(key(m.account)) ?? 0), 'pin', 'older than an earlier one');
  }
  const leaves = audience(s, bus, start, e.time, world);
  demand(leaves.length === start.endpoints && leaves.length <= maxEndpoints, 'audience', `${leaves.length} endpoints, not ${start.endpoints}`);
  demand(leaves.some((l) => equal(l.id, e.actor)), 'audience', 'the author is not in it');
  demand(start.name.length <= 128, 'name', 'too long');
  return leaves;
}
