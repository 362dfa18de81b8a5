package client

import (
	"time"

	"unibus/internal/bus"
	"unibus/internal/seal"
)

// letter is a record on its way, with who waits for it.
type letter struct {
	record seal.Record
	done   chan<- Ack
}

// parcel is a frame on its way: the letters in it, and its bytes while the
// epoch that they were sealed in stands.
type parcel struct {
	letters []letter
	raw     []byte
	epoch   bus.Epoch
	posted  bool      // in this life, and not answered yet
	since   time.Time // when it was posted
}

// pack moves waiting letters into a parcel, as many as a frame holds.
func (o *outbox) pack() {
	size, count := 0, 0
	for _, l := range o.waiting {
		if count > 0 && size+l.record.Size() > batch {
			break
		}
		size, count = size+l.record.Size(), count+1
	}
	o.parcels = append(o.parcels, &parcel{letters: o.waiting[:count:count]})
	o.waiting = o.waiting[count:]
	o.size -= size
}

// seal makes the parcel's frame, anew when its epoch no longer stands: the
// records keep their ids, so that nobody sees them twice.
func (o *outbox) seal(p *parcel) error {
	if p.raw != nil && p.epoch == o.epoch {
		return nil
	}
	records := make([]seal.Record, len(p.letters))
	for i, l := range p.letters {
		records[i] = l.record
	}
	raw, err := o.sender.Seal(o.c.headOf(o.id), o.c.now(), records)
	p.raw, p.epoch = raw, o.epoch
	return err
}

// patience is how much longer the oldest post that waits may wait.
func (o *outbox) patience() time.Duration {
	left := answerWait
	for _, p := range o.parcels {
		if p.posted {
			left = min(left, answerWait-time.Since(p.since))
		}
	}
	return left
}

func (o *outbox) done(p *parcel, seq uint64) {
	o.remove(p)
	for i, l := range p.letters {
		l.done <- Ack{ID: l.record.ID, Seq: seq, Number: i, Of: len(p.letters)}
	}
}

func (o *outbox) drop(p *parcel, err error) {
	o.remove(p)
	for _, l := range p.letters {
		l.done <- Ack{ID: l.record.ID, Err: err}
	}
}

func (o *outbox) remove(p *parcel) {
	for i, q := range o.parcels {
		if q == p {
			o.parcels = append(o.parcels[:i:i], o.parcels[i+1:]...)
			return
		}
	}
}
