package profile

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"unibus/internal/bus"
)

// RoomName is what a room is called, so that a command need not replay every
// log to find it.
type RoomName struct {
	Room   bus.RoomID `json:"-"`
	Name   string     `json:"name"`
	Epoch  bus.Epoch  `json:"epoch"`            // that the name was read in
	Direct bus.Handle `json:"direct,omitempty"` // the other person of a room of two
	Out    *Out       `json:"out,omitempty"`    // nil while this user is in it
}

// Out says why somebody is in a room no more.
type Out struct {
	Reason bus.RemovedReason `json:"reason"`
	By     bus.Handle        `json:"by,omitempty"` // "" where nothing shows it
	At     time.Time         `json:"at"`           // when it was found out here
}

func roomPlace(id bus.RoomID) string { return "room/" + id.String() }

// PutRoom keeps the name of a room in place of the one before.
func (s *Store) PutRoom(ctx context.Context, r RoomName) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return s.exec(ctx, cached, putRoom, r.Room[:], s.key.Seal(roomPlace(r.Room), raw))
}

const putRoom = "INSERT INTO room (room, sealed) VALUES (?, ?) ON CONFLICT DO UPDATE SET sealed = excluded.sealed"

// Room returns what is kept of a room's name; with an empty name where none is.
func (s *Store) Room(ctx context.Context, id bus.RoomID) (RoomName, error) {
	r, err := s.room(ctx, s.db, id)
	return r, storeError(ctx, err)
}

func (s *Store) room(ctx context.Context, q querier, id bus.RoomID) (RoomName, error) {
	var sealed []byte
	err := q.QueryRowContext(ctx, "SELECT sealed FROM room WHERE room = ?", id[:]).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return RoomName{Room: id}, nil
	}
	if err != nil {
		return RoomName{}, err
	}
	return s.openRoom(id[:], sealed)
}

// PutOut keeps that somebody is out of a room. What he was to send there is deleted,
// where something shows it; what he has read stays, with its keys, until its time is
// over: see RoomName.Out.
func (s *Store) PutOut(ctx context.Context, id bus.RoomID, out Out) error {
	return s.write(ctx, kept, func(tx *sql.Tx) error {
		r, err := s.room(ctx, tx, id)
		if err != nil {
			return err
		}
		r.Out = &out
		raw, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, putRoom, id[:], s.key.Seal(roomPlace(id), raw)); err != nil {
			return err
		}
		if out.By == "" {
			return nil
		}
		return deleteOf(ctx, tx, id, "outbox", "tally")
	})
}

// deleteOf empties tables of what they hold of a room.
func deleteOf(ctx context.Context, tx *sql.Tx, id bus.RoomID, tables ...string) error {
	for _, table := range tables {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE room = ?", id[:]); err != nil {
			return err
		}
	}
	return nil
}

// Rooms lists the rooms whose names are kept, by id.
func (s *Store) Rooms(ctx context.Context) (rooms []RoomName, err error) {
	err = each(ctx, s.db, func(scan func(...any) error) error {
		var id, sealed []byte
		if err := scan(&id, &sealed); err != nil {
			return err
		}
		r, err := s.openRoom(id, sealed)
		rooms = append(rooms, r)
		return err
	}, "SELECT room, sealed FROM room ORDER BY room")
	if err != nil {
		return nil, storeError(ctx, err)
	}
	return rooms, nil
}

func (s *Store) openRoom(id, sealed []byte) (r RoomName, err error) {
	if len(id) != len(r.Room) {
		return r, errValue
	}
	room := bus.RoomID(id)
	raw, err := s.key.Open(roomPlace(room), sealed)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return r, errValue.Because(err)
	}
	r.Room = room
	return r, nil
}

// ForgetRoom deletes what is kept of a room: name, keys, cursors, unsent
// records, messages. Its log stays, so that the node cannot show another one later. While
// another process reads, what was deleted is out of the files after the next Scrub
// only.
func (s *Store) ForgetRoom(ctx context.Context, id bus.RoomID) error {
	err := s.write(ctx, kept, func(tx *sql.Tx) error {
		if err := deleteOf(ctx, tx, id, "room", "secret", "cursor", "outbox", "tally"); err != nil {
			return err
		}
		return dropShelf(ctx, tx, id)
	})
	if err == nil {
		err = s.empty(ctx)
	}
	if errors.Is(err, errBusy) {
		err = nil
	}
	return err
}
