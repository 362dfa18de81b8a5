package membership

import (
	"reflect"

	"unibus/internal/bus"
)

// Differs names the first part in which the views of two services are not the
// same, "" when they are.
func Differs(a, b *Service) string {
	v, w := a.view, b.view
	for name, same := range map[string]bool{
		"bus log": reflect.DeepEqual(v.log, w.log), "account chains": reflect.DeepEqual(v.accounts, w.accounts),
		"holders": reflect.DeepEqual(v.holders, w.holders), "endpoints": reflect.DeepEqual(v.endpoints, w.endpoints),
		"bytes written":   reflect.DeepEqual(v.written, w.written),
		"bytes of keys":   reflect.DeepEqual(v.sealed, w.sealed),
		"memberships":     reflect.DeepEqual(ids(v.members), ids(w.members)),
		"guests":          reflect.DeepEqual(ids(v.guests), ids(w.guests)),
		"number of rooms": len(v.rooms) == len(w.rooms),
	} {
		if !same {
			return name
		}
	}
	for id, r := range v.rooms {
		if o := w.rooms[id]; o == nil || !reflect.DeepEqual(r.state, o.state) || r.record != o.record || r.maker != o.maker {
			return "rooms"
		}
	}
	for id, n := range v.made {
		if n != w.made[id] {
			return "room counts"
		}
	}
	return ""
}

func ids[K comparable](index map[K]map[bus.RoomID]*room) map[K][]bus.RoomID {
	out := map[K][]bus.RoomID{}
	for k, rooms := range index {
		for _, r := range byID(rooms) {
			out[k] = append(out[k], r.state.ID)
		}
	}
	return out
}
