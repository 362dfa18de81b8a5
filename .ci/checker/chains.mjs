// A world of vectors: the bus log, the accounts and a room, replayed together.
import { base32, cat, equal, hex, unbase64 } from './bytes.mjs';
import { Account } from './account.mjs';
import { BusLog, cosignerOf } from './buslog.mjs';
import { sha256 } from './crypto.mjs';
import { readEntry } from './entry.mjs';
import { RoomLog } from './roomlog.mjs';
import { demand, refuse } from './refuse.mjs';
import { rootOf } from './start.mjs';

const roleName = { 1: 'reader', 2: 'member', 3: 'owner' };

// firstA is the A that the first entry of an account chain names.
const firstA = (raw) => readEntry(raw).body.slice(1, 33);

// replay appends every chain's entries as soon as what they see is there. Of
// the bus log and the accounts each rests on the other, so they take turns.
export function replay(logs) {
  const world = { bus: new BusLog(), accounts: new Map() };
  const names = Object.keys(logs.accounts);
  const waiting = new Map(names.map((n) => [n, [...logs.accounts[n]]]));
  const busLog = [...logs.bus];
  const done = [];
  const step = () => {
    if (busLog.length && ready(world, busLog[0])) return done.push(world.bus.append(busLog.shift(), world));
    for (const name of names) {
      const list = waiting.get(name);
      if (!list.length || !world.bus.length) continue;
      if (list.length === logs.accounts[name].length) {
        const chain = new Account(world.bus.id, firstA(list[0]));
        world.accounts.set(hex(chain.id), chain);
      }
      const e = readEntry(list[0]);
      if (isRevokeByAdmin(e) && world.bus.length <= e.seen.index && busLog.length) continue;
      const chain = [...world.accounts.values()].find((c) => equal(c.id, e.chain)) ?? refuse('chain', 'of an account');
      return done.push(chain.append(list.shift(), world));
    }
    return 0;
  };
  while (step());
  demand(!busLog.length && [...waiting.values()].every((l) => !l.length), 'seen', 'an entry waits for what nobody wrote');
  for (const chain of world.accounts.values()) {
    const user = world.bus.state.users.get(hex(chain.id));
    demand(!user || equal(user.A, chain.firstA), 'account key', 'is not the one that the bus log names');
  }
  if (logs.room) {
    world.room = new RoomLog(world.bus.id);
    for (const raw of logs.room) done.push(world.room.append(raw, world));
  }
  return { world, entries: done };
}

const isRevokeByAdmin = (e) => e.op === 2 && e.body[0] === 3;

// ready: a bus entry waits until its author's chain is as long as it saw, and
// the cosigner's. The genesis and an accept rest on no chain.
function ready(world, raw) {
  const e = readEntry(raw);
  if (e.op === 0 || e.op === 3) return true;
  const reaches = (account, ref) => (world.accounts.get(hex(account))?.length ?? 0) > ref.index;
  const c = cosignerOf(e);
  return reaches(e.account, e.seen) && (!c || reaches(c.account, c.ref));
}

// check reads chains.json.
export function check(v, t) {
  const raws = (list) => list.map((x) => unbase64(x.raw));
  const result = t.accept('replay', () => replay({
    bus: raws(v.bus_log), room: raws(v.room_log),
    accounts: Object.fromEntries(Object.entries(v.accounts).map(([n, l]) => [n, raws(l)])),
  }));
  if (!result) return;
  const { world } = result;
  t.same('bus', v.bus, base32(world.bus.id));
  t.same('room', v.room, base32(world.room.id));
  v.bus_log.forEach((x, i) => described(`bus_log ${i}`, x, world.bus.entries[i], t));
  v.room_log.forEach((x, i) => described(`room_log ${i}`, x, world.room.entries[i], t));
  const who = {};
  for (const [name, list] of Object.entries(v.accounts)) {
    const chain = world.accounts.get(hex(readEntry(unbase64(list[0].raw)).chain));
    who[hex(chain.id)] = name;
    list.forEach((x, i) => described(`${name} ${i}`, x, chain.entries[i], t));
    const user = world.bus.state.users.get(hex(chain.id));
    t.same(`handle of ${name}`, user?.handle, name);
  }
  const members = [...world.room.state.members.values()].map((m) => [who[hex(m.account)], roleName[m.role]]);
  t.same('members', JSON.stringify(Object.entries(v.members).sort()), JSON.stringify(members.sort()));
  t.same('audience', v.audience.join(), world.room.state.epoch.leaves.map((l) => base32(l.id)).join());
  checkRoots(world.room, t);
  t.only(v, ['note', 'bus', 'bus_log', 'accounts', 'room', 'room_log', 'members', 'audience']);
}

// checkRoots: the envelopes are placeholders, 1152 bytes of the serial and then
// the endpoint, and each confirm the hash of its root.
function checkRoots(room, t) {
  const started = room.entries.map((e, i) => [e, room.states[i].epoch]).filter(([e]) => e.op >= 1 && e.op <= 4);
  for (const [e, epoch] of started) {
    const root = rootOf(room.id, epoch.leaves, (l) => sha256(cat(new Uint8Array(1152).fill(l.serial), l.id)));
    t.same(`root ${e.index}`, hex(epoch.root), hex(root));
    t.same(`confirm ${e.index}`, hex(epoch.confirm), hex(sha256(root)));
  }
}

function described(name, x, e, t) {
  const want = {
    hash: hex(e.hash), index: e.index, prev: hex(e.prev), time: new Date(e.time).toISOString().replace('.000Z', 'Z'),
    actor: base32(e.actor), op: e.op, signatures: e.signatures.length,
  };
  for (const [field, value] of Object.entries(want)) t.same(`${name} ${field}`, x[field], value);
  t.only(x, ['raw', ...Object.keys(want)]);
}

// checkRefused reads refused.json: worlds, and entries that none of their
// chains may take next.
export function checkRefused(worlds, t) {
  const raws = (list) => (list ?? []).map((x) => unbase64(x.raw));
  for (const v of worlds) {
    const logs = { bus: raws(v.bus_log), room: raws(v.room_log), accounts: Object.fromEntries(Object.entries(v.accounts).map(([n, l]) => [n, raws(l)])) };
    const world = t.accept(v.name, () => replay(logs).world);
    if (!world) continue;
    const chains = { bus: world.bus, room: world.room };
    for (const user of world.bus.state.users.values()) chains[user.handle] = world.accounts.get(hex(user.account));
    for (const x of v.cases) t.refuse(`${v.name}, ${x.chain}, ${x.name}`, x.reason, () => chains[x.chain].append(unbase64(x.raw), world));
  }
}
