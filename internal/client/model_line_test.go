package client

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/roomlog"
	"unibus/internal/wire"
)

// line is the connection of one endpoint to the node of the model, which knows
// who asks and shows everybody what it likes.
type line struct {
	m *model
	d *device
}

// RoundTrip implements http.RoundTripper.
func (l line) RoundTrip(req *http.Request) (*http.Response, error) {
	answer, err := l.answer(req)
	status := http.StatusOK
	var e *bus.Error
	if errors.As(err, &e) {
		status = wire.Status(e.Kind)
		answer = wire.Failure{Error: wire.FailureBody{Code: e.Code, Message: e.Message, Retryable: e.Retryable}}
	} else if err != nil {
		return nil, err
	}
	raw, ok := answer.([]byte)
	if !ok {
		if raw, err = json.Marshal(answer); err != nil {
			return nil, err
		}
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(bytes.NewReader(raw)), Request: req}, nil
}

func (l line) answer(req *http.Request) (any, error) {
	part := strings.Split(strings.Trim(req.URL.Path, "/"), "/")
	last := part[len(part)-1]
	if req.Method == http.MethodPost {
		return l.post(req, part)
	}
	from, _ := strconv.Atoi(req.URL.Query().Get("from"))
	switch {
	case last == "log" && part[0] == "log":
		return l.entries(chain.ID(l.m.busID), from), nil
	case last == "endpoints":
		a := l.d.lens.of.bus.User(bus.Handle(part[1]))
		if a == nil {
			return nil, bus.Errorf(bus.NotFound, "no_user", "no such user")
		}
		return l.entries(chain.ID(a.ID), from), nil
	case part[0] == "members":
		return l.roomsOf(part[1]), nil
	case part[0] != "rooms":
		return nil, bus.Errorf(bus.NotFound, "no_route", "the model has no %s", req.URL.Path)
	}
	id, err := bus.ParseRoomID(part[1])
	if err != nil || l.d.lens.of.rooms[id] == nil {
		return nil, bus.ErrNotMember
	}
	if req.Method == http.MethodPut {
		return struct{}{}, l.grant(req, id, last)
	}
	switch last {
	case "log":
		return l.entries(chain.ID(id), from), nil
	case "members":
		return l.members(id), nil
	case "grants":
		return l.grants(id, req.URL.Query()), nil
	case "key":
		return l.key(id, req.URL.Query().Get("epoch"), req.URL.Query().Get("endpoint"))
	case "messages":
		return l.messages(id, req.URL.Query())
	}
	return nil, bus.ErrNotMember
}

// entries shows a chain from an index on, after it was written down whether
// that is a lie which the client can prove.
func (l line) entries(id chain.ID, from int) wire.Entries {
	shown := l.d.lens.entries(id)
	l.m.shows(l.d, id, from, shown)
	if len(shown) == 0 {
		return wire.Entries{}
	}
	newest, err := chain.Parse(shown[len(shown)-1])
	head := bus.Head{Index: uint32(len(shown) - 1)}
	if err == nil {
		head.Hash = newest.Hash()
	}
	return wire.Entries{Entries: shown[min(from, len(shown)):], Head: &head}
}

func (l line) members(id bus.RoomID) (list wire.List[wire.Member]) {
	see := l.d.lens
	for _, m := range see.of.rooms[id].Members() {
		shown := see.entries(chain.ID(m.Account))
		list.Items = append(list.Items, wire.Member{Account: m.Account, Head: bus.Head{Index: uint32(max(len(shown), 1) - 1)}})
	}
	return list
}

// roomsOf lists the rooms of the asking endpoint, or of the invite that it is
// taking up.
func (l line) roomsOf(endpoint string) (list wire.List[wire.Room]) {
	list.Items = []wire.Room{}
	for _, id := range l.m.roomIDs {
		r := l.d.lens.of.rooms[id]
		if r == nil || r.Epoch == nil || r.Closed {
			continue
		}
		_, member := r.Member(l.d.owner.account)
		for _, g := range r.Guests() {
			inv := l.d.lens.of.bus.Invite(g.Invite)
			member = member || inv.Endpoint().String() == endpoint
		}
		if member {
			list.Items = append(list.Items, wire.Room{ID: id, Epoch: r.Epoch.Number})
		}
	}
	return list
}

func (l line) key(id bus.RoomID, epoch, endpoint string) (any, error) {
	n, _ := strconv.ParseUint(epoch, 10, 64)
	see := l.d.lens
	envelopes := see.of.keys[keyPlace{id, bus.Epoch(n)}]
	i := slices.IndexFunc(envelopes, func(e wire.Envelope) bool { return e.Endpoint.String() == endpoint })
	if i < 0 || see.key == keyNone {
		return nil, bus.Errorf(bus.NotFound, "no_key", "no such key")
	}
	k := wire.Key{Sealed: envelopes[i].Sealed, Leaves: leavesOf(envelopes)}
	switch see.key {
	case keyOther:
		k.Sealed = envelopes[(i+1)%len(envelopes)].Sealed
	case keyOld:
		for _, old := range see.of.keys[keyPlace{id, bus.Epoch(n) - 1}] {
			if old.Endpoint.String() == endpoint {
				k.Sealed, k.Leaves = old.Sealed, leavesOf(see.of.keys[keyPlace{id, bus.Epoch(n) - 1}])
			}
		}
	case keyBroken:
		k.Sealed = slices.Clone(k.Sealed)
		k.Sealed[len(k.Sealed)-1] ^= 1
	case keyGhost:
		k.Leaves = append(k.Leaves, wire.Leaf{Endpoint: bus.EndpointID{0xff, 0xff}, Serial: 1})
	}
	return k, nil
}

func leavesOf(envelopes []wire.Envelope) []wire.Leaf {
	leaves := make([]wire.Leaf, len(envelopes))
	for i, e := range envelopes {
		leaves[i] = wire.Leaf{Endpoint: e.Endpoint, Serial: e.Serial, Envelope: sha256.Sum256(e.Sealed)}
	}
	slices.SortFunc(leaves, func(a, b wire.Leaf) int { return bytes.Compare(a.Endpoint[:], b.Endpoint[:]) })
	return leaves
}

func (l line) messages(id bus.RoomID, query map[string][]string) (any, error) {
	tape := l.d.lens.tape
	if !l.d.lens.play {
		tape = plain(l.d.lens.of.frames[id])
	}
	var page bytes.Buffer
	end := wire.PageEnd{}
	if len(tape) > 0 {
		end.Through = tape[len(tape)-1].Seq
	}
	if after := query["after"]; len(after) > 0 {
		n, _ := strconv.ParseUint(after[0], 10, 64)
		tape = slices.DeleteFunc(slices.Clone(tape), func(m wire.StoredMessage) bool { return m.Seq <= n })
		end.More = len(tape) > bus.MaxPageMessages
		tape = tape[:min(len(tape), bus.MaxPageMessages)]
		if len(tape) > 0 && end.More {
			end.Through = tape[len(tape)-1].Seq
		}
	} else if len(tape) > 0 {
		tape = tape[len(tape)-1:]
		l.d.shown[id] = max(l.d.shown[id], tape[0].Seq)
	}
	for _, m := range tape {
		if err := wire.WriteMessage(&page, m); err != nil {
			return nil, err
		}
	}
	err := wire.WritePageEnd(&page, end)
	return page.Bytes(), err
}

func plain(frames []*posted) []wire.StoredMessage {
	out := make([]wire.StoredMessage, len(frames))
	for i, p := range frames {
		out[i] = wire.StoredMessage{Seq: p.seq, At: p.at, Frame: p.raw}
	}
	return out
}

func (l line) post(req *http.Request, part []string) (any, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	switch {
	case part[0] == "rooms" && len(part) == 1:
		var n wire.NewRoom
		if err := json.Unmarshal(body, &n); err != nil {
			return nil, err
		}
		return wire.Room{}, l.m.newRoom(l.d, n)
	case part[0] == "invites":
		var a wire.Accept
		if err := json.Unmarshal(body, &a); err != nil {
			return nil, err
		}
		return wire.Appended{}, l.m.acceptInvite(l.d, a)
	}
	var a wire.Append
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, err
	}
	if part[0] == "log" {
		return wire.Appended{}, l.m.appendBus(l.d, a.Entry)
	}
	id, err := bus.ParseRoomID(part[1])
	if err != nil {
		return nil, bus.ErrNotMember
	}
	return wire.Appended{}, l.m.appendRoom(l.d, id, a)
}

// appendRoom takes an entry of a room log in, and asks the oracle whether it
// should have.
func (m *model) appendRoom(d *device, id bus.RoomID, a wire.Append) error {
	if m.deny != nil {
		return m.deny()
	}
	h := d.at.history
	if !h.knows(id, a.Entry) {
		return roomlog.ErrNotDue
	}
	e, err := h.offer(chain.ID(id), a.Entry)
	if errors.Is(err, bus.ErrBehind) {
		return err
	}
	m.offered(d, id, e, a.Envelopes, err)
	if err != nil {
		m.refused = append(m.refused, refusal{chain.ID(id), a.Entry})
		return err
	}
	return nil
}

// knows demands, as every node does, that a complaint names the envelope that its
// author was given.
func (h *history) knows(id bus.RoomID, raw []byte) bool {
	e, err := chain.Parse(raw)
	if err != nil {
		return true // the rules refuse it
	}
	about, complains := roomlog.ComplaintOf(e)
	return !complains || slices.ContainsFunc(h.keys[keyPlace{id, about.Epoch}], func(env wire.Envelope) bool {
		return env.Endpoint == e.Actor && about.Envelope == sha256.Sum256(env.Sealed)
	})
}

// newRoom makes a room of its two first entries.
func (m *model) newRoom(d *device, n wire.NewRoom) error {
	create, err := chain.Parse(n.Create)
	if err != nil {
		return err
	}
	id := bus.RoomID(create.Hash().Prefix())
	if _, err := d.at.history.offer(chain.ID(id), n.Create); err != nil {
		return err
	}
	m.created(d, id)
	if err := m.appendRoom(d, id, wire.Append{Entry: n.Start, Envelopes: n.Envelopes}); err != nil {
		d.at.history.forget(chain.ID(id)) // both entries are taken, or none
		delete(d.at.table.rooms, id)
		delete(d.known, chain.ID(id))
		return err
	}
	m.roomIDs = append(m.roomIDs, id)
	return nil
}

// stored keeps what came with an epoch.
func (h *history) stored(r *roomlog.State, envelopes []wire.Envelope) {
	h.keys[keyPlace{r.ID, r.Epoch.Number}] = envelopes
}
