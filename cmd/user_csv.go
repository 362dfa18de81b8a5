package cmd

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/text"
)

const (
	// maxRows bounds what one file can ask of a bus, and maxCSV what is read of
	// it: a row with the longest key is far below 4 KiB.
	maxRows = 10_000
	maxCSV  = maxRows * 4 << 10
)

// csvRow is one person to let in.
type csvRow struct {
	name bus.Handle
	role bus.UserRole
	key  *identity.KeyLine // nil: he gets an invite
}

// rowShown is what became of a row. Link is the invite, or for a key the link
// of the bus.
type rowShown struct {
	Name    string `json:"name"`
	Changed bool   `json:"changed"`
	Link    string `json:"link"`
	Error   string `json:"error"`
}

// readRows reads the whole file before anything is done, and refuses it as a
// whole.
func readRows(r io.Reader) (rows []csvRow, err error) {
	in := csv.NewReader(io.LimitReader(withoutMark(r), maxCSV))
	seen := map[bus.Handle]bool{}
	in.FieldsPerRecord, in.TrimLeadingSpace, in.Comment = -1, true, '#'
	for {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, bus.Errorf(bus.Invalid, "bad_csv", "not a CSV file: %s", err)
		}
		line, _ := in.FieldPos(0)
		if line == 1 && strings.EqualFold(strings.TrimSpace(fields[0]), "name") {
			continue
		}
		row, err := parseRow(fields)
		if err == nil && seen[row.name] {
			err = bus.Errorf(bus.Invalid, "bad_csv", "%s is listed twice", row.name).WithHint("leave one of the two lines")
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		seen[row.name] = true
		if rows = append(rows, row); len(rows) > maxRows {
			return nil, bus.Errorf(bus.TooLarge, "long_csv", "more than %d lines", maxRows).WithHint("split the list")
		}
	}
}

// withoutMark drops the byte order mark that spreadsheets begin a file with.
func withoutMark(r io.Reader) io.Reader {
	in := bufio.NewReader(r)
	if mark, err := in.Peek(3); err == nil && string(mark) == "\ufeff" {
		_, _ = in.Discard(3)
	}
	return in
}

func parseRow(fields []string) (row csvRow, err error) {
	if len(fields) > 3 {
		return row, bus.Errorf(bus.Invalid, "bad_csv", "a line has more than name,role,key").WithHint("see 'unibus user add --help'")
	}
	fields = append(fields, "", "")
	if row.name, err = bus.ParseHandle(strings.TrimSpace(fields[0])); err != nil {
		return row, err
	}
	if row.name.Reserved() {
		return row, bus.ErrReserved
	}
	row.role = bus.RoleUser
	if role := strings.TrimSpace(fields[1]); role != "" {
		if row.role, err = bus.ParseUserRole(role); err != nil {
			return row, err
		}
	}
	if line := strings.TrimSpace(fields[2]); line != "" {
		key, err := identity.ParseKeyLine(line)
		if err != nil {
			return row, err
		}
		row.key = &key
	}
	if row.key == nil && row.role == bus.RoleAdmin {
		return row, bus.Errorf(bus.Invalid, "bad_csv", "an invite never makes an admin").
			WithHint("give %s's key, or make them admin once they joined", row.name)
	}
	return row, nil
}

func runUserAddCSV(ctx context.Context, env *Env, o userAddOptions) error {
	rows, err := env.readCSV(o.csv)
	if err != nil {
		return err
	}
	return env.withSession(ctx, func(ctx context.Context, c *client.Client) error {
		a := adder{env: env, c: c}
		if err := a.start(ctx, o.room); err != nil {
			return err
		}
		for _, row := range rows {
			if a.add(ctx, row); ctx.Err() != nil {
				break // what was made so far is still printed: its links are nowhere else
			}
		}
		return errors.Join(a.seat(ctx), a.print())
	})
}

func (e *Env) readCSV(path string) ([]csvRow, error) {
	if path == "-" {
		return readRows(e.Stdin)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, noFile(path, err)
	}
	defer file.Close()
	return readRows(file)
}

// adder lets people in, one after the other.
type adder struct {
	env    *Env
	c      *client.Client
	known  map[bus.Handle]client.Person
	room   *bus.RoomID
	guests []bus.InviteID
	done   []rowShown
	failed int
	first  error
}

func (a *adder) start(ctx context.Context, room string) error {
	ctx, cancel := a.env.bounded(ctx)
	defer cancel()
	if room != "" {
		rooms, err := ownRooms(ctx, a.c, inviteOptions{rooms: []string{room}})
		if err != nil {
			return err
		}
		a.room = &rooms[0].id
	}
	people, err := a.c.People(ctx)
	a.known = make(map[bus.Handle]client.Person, len(people))
	for _, p := range people {
		a.known[p.Handle] = p
	}
	return err
}

// add does one row; what is wrong with it stands in its result.
func (a *adder) add(ctx context.Context, row csvRow) {
	ctx, cancel := a.env.bounded(ctx)
	defer cancel()
	shown := rowShown{Name: string(row.name)}
	link, did, err := a.admit(ctx, row)
	if err != nil {
		shown.Error = string(text.Line(err.Error()))
		a.failed++
		if a.first == nil {
			a.first = err
		}
	}
	if link != nil {
		shown.Link = link.String()
	}
	shown.Changed = did
	a.done = append(a.done, shown)
}

func (a *adder) admit(ctx context.Context, row csvRow) (*identity.Link, bool, error) {
	known, there := a.known[row.name]
	switch {
	case row.key == nil && there && !known.Revoked:
		return nil, false, nil
	case row.key == nil:
		link, err := a.c.Invite(ctx, row.name, bus.InviteLife)
		if err != nil {
			return nil, false, err
		}
		a.guests = append(a.guests, link.ID)
		return &link, true, nil
	}
	link, did, err := a.c.AddUser(ctx, row.name, *row.key)
	if err != nil {
		return nil, false, err
	}
	if row.role == bus.RoleAdmin {
		promoted, err := a.c.SetRole(ctx, row.name, row.role)
		return &link, did || promoted, err
	}
	return &link, did, nil
}

// seat makes all who were invited guests of the room, in one entry.
func (a *adder) seat(ctx context.Context) error {
	if a.room == nil || len(a.guests) == 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	ctx, cancel := a.env.bounded(ctx)
	defer cancel()
	if err := a.c.AddGuests(ctx, *a.room, bus.RoleMember, a.guests...); err != nil {
		return fmt.Errorf("the links are good, but nobody was let into the room: %w", err)
	}
	return nil
}

func (a *adder) print() error {
	err := printList(a.env, "csv_row", a.done,
		column[rowShown]{"name", func(r rowShown) text.Safe { return text.Line(r.Name) }},
		column[rowShown]{"changed", func(r rowShown) text.Safe { return yesNo(r.Changed) }},
		column[rowShown]{"link", func(r rowShown) text.Safe { return text.Line(r.Link) }},
		column[rowShown]{"error", func(r rowShown) text.Safe { return text.Line(r.Error) }})
	switch {
	case err != nil || a.failed == 0:
		return err
	case a.failed == len(a.done):
		return a.first
	}
	return bus.Errorf(bus.Partial, "partial", "%d of %d were not added", a.failed, len(a.done)).
		WithHint("see the column error, correct the lines and run it again")
}
