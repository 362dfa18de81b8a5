package control

import (
	"bufio"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// messages streams a page of a room's history to a member. It is cut as soon as
// he is none: then its end is missing, by which a client knows.
func (x *exchange) messages() error {
	id, err := x.roomID()
	if err != nil {
		return err
	}
	q, err := x.pageQuery()
	if err != nil {
		return err
	}
	room, err := x.reader(id)
	if err != nil {
		return err
	}
	var page Page
	if room.Policy.Persist {
		if page, err = x.page(id, q); err != nil {
			return err
		}
	}
	return x.sendPage(id, page)
}

// pageQuery reads after, before and limit. With after the page begins there,
// else it ends at before, or with the newest message.
func (x *exchange) pageQuery() (q PageQuery, err error) {
	_, q.Forward = x.query["after"]
	if q.After, err = x.number("after", 0); err != nil {
		return q, err
	}
	if q.Before, err = x.number("before", 0); err != nil {
		return q, err
	}
	limit, err := x.number("limit", bus.MaxPageMessages)
	if err == nil && (limit == 0 || limit > bus.MaxPageMessages) {
		err = badNumber("limit")
	}
	q.Limit = int(limit)
	return q, err
}

// reader asks whether the signer may read the messages of a room.
func (x *exchange) reader(id bus.RoomID) (wire.Room, error) {
	return x.o.Membership.Readable(x.by, id)
}

// page reads a page, which counts against the budget of answers.
func (x *exchange) page(id bus.RoomID, q PageQuery) (Page, error) {
	page, err := x.o.History.Page(x.ctx(), id, q)
	if err != nil {
		return page, err
	}
	var size int64
	for _, m := range page.Messages {
		size += int64(len(m.Frame))
	}
	return page, x.holdAnswer(size)
}

func (x *exchange) sendPage(id bus.RoomID, page Page) error {
	x.w.Header().Set("Content-Type", wire.MediaMessages)
	may := func() error { _, err := x.reader(id); return err }
	out := bufio.NewWriterSize(guarded{x.w, may}, chunk)
	for _, m := range page.Messages {
		if err := wire.WriteMessage(out, m); err != nil {
			return err
		}
	}
	if err := wire.WritePageEnd(out, page.End); err != nil {
		return err
	}
	return out.Flush()
}
