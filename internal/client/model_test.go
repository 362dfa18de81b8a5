package client

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"testing/cryptotest"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
)

var (
	modelSeed  = flag.Uint64("seed", 0, "of TestModel; 0 takes UNIBUS_SEED, else see firstSeed")
	modelSteps = flag.Int("steps", 0, "of TestModel; 0 takes 2,000, or 12,000 with UNIBUS_LONG")
)

// lifeSteps is how long one bus of the model lives: many short lives meet more
// beginnings and ends than a long one, and each can be run again alone.
const lifeSteps = 250

// TestModel lets people with real clients do random things on a bus whose node
// lies at random, and asks an oracle of sets about each: who may do it, whom a
// key is sealed to, who reads which message, and which lie is noticed. Every
// life has a seed of its own; run one again with -seed and -steps 1.
//
// It is not parallel: the keys come from the seed too, for the whole process.
func TestModel(t *testing.T) {
	steps := *modelSteps
	if steps == 0 {
		steps = 2000
		if os.Getenv("UNIBUS_LONG") != "" {
			steps = 12_000
		}
	}
	first := *modelSeed
	if first == 0 {
		first = firstSeed(t, steps)
	}
	done := map[string]int{}
	for life := range uint64((steps + lifeSteps - 1) / lifeSteps) {
		cryptotest.SetGlobalRandom(t, first+life)
		m := newModel(t.Context(), first+life, nothing)
		m.live()
		if len(m.faults) > 0 {
			t.Fatalf("run again with -seed %d -steps 1, or all of it with UNIBUS_SEED=%d:\n%s", first+life, first, m.faults[0])
		}
		for what, n := range m.done {
			done[what] += n
		}
	}
	t.Logf("-seed %d, %d steps: %v", first, steps, done)
	for _, what := range everything() {
		if done[what] == 0 && steps >= manySteps {
			t.Errorf("in %d steps there was no %s", steps, what)
		}
	}
}

// manySteps are enough for everything to happen.
const manySteps = 10_000

// firstSeed is what UNIBUS_SEED says. Without
// it a short run is always the same, so that a change is held against what held
// before it; many steps look for what nobody has seen.
func firstSeed(t *testing.T, steps int) uint64 {
	said := os.Getenv("UNIBUS_SEED")
	switch seed, err := strconv.ParseUint(said, 10, 63); {
	case said != "" && err != nil:
		t.Fatalf("UNIBUS_SEED=%s: want a number of 1 to %d", said, math.MaxInt64)
	case said != "":
		return seed
	case steps < manySteps:
		return 1
	}
	return rand.Uint64() >> 1
}

// model is one bus with its people, and what was told of it.
type model struct {
	*rand.Rand
	ctx      context.Context
	now      time.Time
	busID    bus.ID
	org      identity.SigningKey
	ca       []byte
	branches []*branch
	people   []*human
	devices  []*device
	invites  []*invite
	roomIDs  []bus.RoomID
	refused  []refusal
	intents  []intent // of the entries that the acting client will offer; then what it owes
	taken    int      // entries of rooms since the step began
	texts    int
	steps    int
	doing    string
	done     map[string]int
	faults   []string
	wrong    wrong
	deny     func() error // why the node takes no entry of a room now; nil: it does
}

// branch is one history and what the oracle knows of it.
type branch struct {
	history *history
	table   *table
}

// refusal is an entry that the rules did not allow.
type refusal struct {
	chain chain.ID
	raw   []byte
}

type human struct {
	name    bus.Handle
	account bus.AccountID
	seed    identity.Seed
}

type invite struct {
	name     bus.Handle
	link     identity.Link
	keys     identity.OneTime
	endpoint bus.EndpointID
}

func newModel(ctx context.Context, seed uint64, w wrong) *model {
	m := &model{Rand: rand.New(rand.NewPCG(seed, 0)), ctx: ctx, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		wrong: w, org: identity.NewSigningKey(), done: map[string]int{}}
	ca, err := identity.NewCA("model", m.now)
	m.must(err)
	m.ca = ca.CertificatePEM()
	m.found()
	for range 3 {
		m.invitePerson(m.devices[0])
		m.join(m.branches[0])
	}
	m.createRoom(m.devices[0])
	for _, p := range m.people[1:] {
		m.attempt(m.devices[0], m.roomIDs[0], intent{op: roomlog.OpAdd, add: map[*human]bus.RoomRole{p: bus.RoleOwner}}, func() error {
			_, err := m.devices[0].AddMembers(m.ctx, m.roomIDs[0], bus.RoleOwner, p.name)
			return err
		})
	}
	return m
}

// live runs the bus to the end of its steps, and then has everybody read
// everything.
func (m *model) live() {
	for m.steps = 0; m.steps < lifeSteps && len(m.faults) == 0; m.steps++ {
		m.step()
	}
	for _, d := range m.devices {
		if len(m.faults) == 0 && !d.torn {
			m.doing = "the end"
			m.readAll(d)
		}
	}
	for _, d := range m.devices {
		m.must(d.profile.Close())
	}
}

func (m *model) clock() time.Time { return m.now }

// fault writes down that the code and the oracle do not agree.
func (m *model) fault(format string, args ...any) {
	m.faults = append(m.faults, fmt.Sprintf("step %d, %s: ", m.steps, m.doing)+fmt.Sprintf(format, args...))
}

func (m *model) must(err error) {
	if err != nil {
		m.fault("%v (%s)", err, bus.CodeOf(err))
	}
}

// often is true p times of 100.
func (m *model) often(p int) bool { return m.IntN(100) < p }

func pickOf[T any](m *model, list []T) (one T, ok bool) {
	if len(list) == 0 {
		return one, false
	}
	return list[m.IntN(len(list))], true
}

// shows writes down what an endpoint learns of a chain, or that it is shown a
// lie that it can prove: less or other than before, an entry that nobody
// wrote, or one that rests on what is not shown.
func (m *model) shows(d *device, id chain.ID, from int, shown [][]byte) {
	known := len(d.known[id])
	if from != known {
		m.fault("%s asks for entry %d of %x of which it was shown %d", d.name, from, id[:4], known)
		return
	}
	if m.wrong == missesRollback && known > 0 && len(shown) < known {
		return
	}
	if known > 0 && (len(shown) < known || !bytes.Equal(shown[known-1], d.known[id][known-1])) {
		d.lied = true
		return
	}
	for i := known; i < len(shown); i++ {
		genuine := d.lens.of.raw[id]
		if i >= len(genuine) || !bytes.Equal(genuine[i], shown[i]) || !m.rests(d, id, shown[i]) {
			d.lied = true
			return
		}
		d.known[id] = append(d.known[id], shown[i])
	}
}

// rests reports whether an endpoint can see all that an entry rests on.
func (m *model) rests(d *device, id chain.ID, raw []byte) bool {
	e, err := chain.Parse(raw)
	if err != nil {
		return false
	}
	return !slices.ContainsFunc(pinsOf(m.busID, id, e), func(p pin) bool { return !m.reaches(d, p) })
}

// reaches reports whether an endpoint knows, or would be shown, an entry.
func (m *model) reaches(d *device, p pin) bool {
	known, shown := d.known[p.chain], d.lens.entries(p.chain)
	if n, all := len(known), d.lens.of.raw[p.chain]; int(p.at.Index) >= n {
		if len(shown) < n || len(shown) > len(all) || n > 0 && !bytes.Equal(shown[n-1], known[n-1]) ||
			!slices.EqualFunc(shown[n:], all[n:len(shown)], bytes.Equal) {
			return false // reading on, the client finds a lie
		}
		known = shown
	}
	if int(p.at.Index) >= len(known) {
		return false
	}
	e, err := chain.Parse(known[p.at.Index])
	return err == nil && e.Hash().Prefix() == p.at.Hash
}
