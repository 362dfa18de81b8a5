package client

import (
	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
)

// allows says whether a device may do something to a room.
func (t *table) allows(r *roomTable, in intent, d *device, v view) bool {
	if r.closed || !t.active(d.owner, v.bus) {
		return false
	}
	switch in.op {
	case roomlog.OpRole, roomlog.OpLeave, roomlog.OpClose:
		return t.allowsPlain(r, in, d, v)
	}
	members, guests := t.roster(r, in, v)
	if _, in := t.audience(r, members, guests, v)[d.id()]; !in || !t.signs(d, v.acc(d.owner)) {
		return false
	}
	if in.op == roomlog.OpAccept {
		f, known := t.invites[in.taking]
		_, guest := r.guests[in.taking]
		return known && guest && f.taken <= v.bus && f.taker == d.owner && t.stands(in.taking, v)
	}
	now, _ := t.roster(r, intent{}, v)
	me, inside := now[d.owner]
	return inside && me.role != bus.RoleReader && t.allowsStart(r, in, d, me.role == bus.RoleOwner, v)
}

func (t *table) allowsStart(r *roomTable, in intent, d *device, owner bool, v view) bool {
	switch in.op {
	case roomlog.OpAdd:
		for p := range in.add {
			if _, inside := r.members[p]; inside || !t.active(p, v.bus) || v.acc(p) < 0 {
				return false
			}
		}
		for i := range in.invite {
			if _, inside := r.guests[i]; inside || !t.stands(i, v) || t.invites[i].taken <= v.bus {
				return false
			}
		}
		return owner
	case roomlog.OpRemove:
		over := true
		for _, p := range in.drop {
			if _, inside := r.members[p]; !inside {
				return false
			}
			over = over && !t.active(p, v.bus)
		}
		for _, i := range in.uninvite {
			if _, inside := r.guests[i]; !inside {
				return false
			}
			over = over && !t.stands(i, v)
		}
		return owner || over
	}
	if in.bad {
		newest := r.epochs[len(r.epochs)-1]
		_, sealed := newest.sealed[d.id()]
		return sealed && newest.author != d.owner
	}
	return owner || !in.asked
}

// allowsPlain judges what starts no epoch: by the account chain as of the epoch
// in force.
func (t *table) allowsPlain(r *roomTable, in intent, d *device, v view) bool {
	me, inside := r.members[d.owner]
	if !inside || !t.signs(d, me.pin) {
		return false
	}
	owners := 0
	for _, s := range r.members {
		if s.role == bus.RoleOwner {
			owners++
		}
	}
	owner := me.role == bus.RoleOwner
	target, there := r.members[in.who]
	switch in.op {
	case roomlog.OpRole:
		return owner && there && !(target.role == bus.RoleOwner && in.role != bus.RoleOwner && owners == 1)
	case roomlog.OpLeave:
		if in.who == nil {
			return !owner || owners > 1
		}
		return owner && there && in.who != d.owner && t.active(in.who, v.bus)
	}
	return owner
}
