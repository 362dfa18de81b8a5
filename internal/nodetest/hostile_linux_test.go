package nodetest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"unibus/cmd"
	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/config"
	"unibus/internal/nodetest"
	"unibus/internal/profile"
)

// TestHostileNode has a real node behind an operator who lies, and who may have
// the help of bob, a member, try everything that a client is to notice. In each
// trial the real commands are run as alice: nothing forged is shown to her,
// nothing of hers is sent, and she is told, by words and exit code of its own.
//
// docs/protocol.md has the same list, with what is told.
func TestHostileNode(t *testing.T) {
	t.Parallel()
	for item, try := range map[string]func(*stage){
		"ghost endpoint":             ghostEndpoint,
		"withheld endpoint":          withheldEndpoint,
		"forked chain":               forkedChain,
		"rolled-back chain":          rolledBackChain,
		"rolled-back messages":       rolledBackMessages,
		"swapped key":                swappedKey,
		"envelope for somebody else": foreignEnvelope,
		"dropped frame":              droppedFrame,
		"reordered frame":            reorderedFrame,
		"repeated frame":             repeatedFrame,
		"moved frame":                movedFrame,
		"late frame":                 lateFrame,
		"backdated frame":            backdatedFrame,
		"altered blob or manifest":   alteredBlob,
		"forged sender":              forgedSender,
		"laundered subject":          launderedSubject,
		"reused link":                reusedLink,
		"second acceptance":          secondAcceptance,
		"downgraded suite":           downgradedSuite,
		"entry kept from one member": toldByFrames,
	} {
		t.Run(item, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			try(s)
			s.tells(nil)
			if lines := history(t, s.b.Admin, s.b.General); slices.Contains(lines, "alice: secret") {
				t.Errorf("alice sent: %q", lines)
			}
		})
	}
}

// stage is a bus whose operator lies to alice.
type stage struct {
	*operator
	t                   *testing.T
	ctx                 context.Context
	room                bus.RoomID
	alice, bob, mallory *nodetest.Person
	knowing             profile.Home // alice's, with what she has verified
}

func setStage(t *testing.T) *stage {
	t.Helper()
	o := operate(t)
	s := &stage{operator: o, t: t, ctx: nodetest.Context(t), room: o.b.General}
	s.alice, s.bob, s.mallory = o.b.Alice(s.room), o.b.Bob(s.room), o.b.Mallory()
	s.knowing = s.alice.Home
	at, err := s.knowing.Context("local")
	must(t, err)
	at.URL, at.NATS = "https://"+o.addr, moveTips(t, o.b)
	must(t, s.knowing.Save(at))
	return s
}

// fresh is a home of alice's whose memory is empty.
func (s *stage) fresh() profile.Home {
	s.t.Helper()
	at, err := s.knowing.Context("local")
	must(s.t, err)
	h := profile.At(s.t.TempDir())
	must(s.t, h.Create(at, s.alice.Identity, nil))
	return h
}

// homes are alice's two, by what she knows in them.
func (s *stage) homes() map[string]profile.Home {
	s.t.Helper()
	return map[string]profile.Home{"with a memory": s.knowing, "without a memory": s.fresh()}
}

// run runs a command as a process of its own would, and prints objects.
func (s *stage) run(home profile.Home, args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	name := "local"
	if _, err := home.Context(name); err != nil {
		name = ""
	}
	dir := filepath.Dir(filepath.Dir(filepath.Dir(home.IdentityPath("local"))))
	var out, errs bytes.Buffer
	env := &cmd.Env{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Now: time.Now, Width: func() int { return 0 }, LoadServe: config.LoadServe,
		ReadSecret: func(context.Context) ([]byte, error) { return nil, errors.New("no terminal") },
		LoadClient: func(*pflag.FlagSet) (config.Client, error) {
			return config.Client{Home: config.Home{Config: dir, Data: dir, Run: dir}, Context: name, Timeout: 20 * time.Second, Output: config.NDJSON}, nil
		},
	}
	code = cmd.Run(s.ctx, env, args)
	return code, out.String(), errs.String()
}

// What alice does with a room.
func (s *stage) does(what string) []string {
	id := s.room.String()
	return map[string][]string{"read": {"read", id}, "send": {"send", id, "secret"}, "verify": {"room", "verify", id},
		"members": {"room", "members", id}}[what]
}

// refused demands that alice's commands end with exit code 8 and an error of
// this code.
func (s *stage) refused(home profile.Home, code string, commands ...string) {
	s.t.Helper()
	for _, what := range commands {
		if got, stdout, stderr := s.run(home, s.does(what)...); got != 8 || codeOf(stderr) != code {
			s.t.Errorf("%s: got exit code %d, %s%swant 8 and %s", what, got, stdout, stderr, code)
		}
	}
}

func codeOf(stderr string) string {
	var failure struct{ Code, Message string }
	_ = json.Unmarshal([]byte(stderr), &failure) // what is no failure has no code
	return failure.Code
}

// shows demands what `read` prints of the room, and the codes that it and `room
// verify` end with: both exit with 8 but for "".
func (s *stage) shows(home profile.Home, readCode, verifyCode string, want ...string) {
	s.t.Helper()
	exit := map[bool]int{true: 0, false: 8}
	got, stdout, stderr := s.run(home, s.does("read")...)
	if lines := linesIn(s.t, stdout); got != exit[readCode == ""] || codeOf(stderr) != readCode || !slices.Equal(lines, want) {
		s.t.Errorf("read: got exit code %d, %q, %swant %q and %q", got, lines, stderr, readCode, want)
	}
	got, stdout, stderr = s.run(home, s.does("verify")...)
	if got != exit[verifyCode == ""] || codeOf(stderr) != verifyCode {
		s.t.Errorf("room verify: got exit code %d, %s%swant %q", got, stdout, stderr, verifyCode)
	}
}

// linesIn is what a reading printed: texts, what cannot be shown, what is missing.
func linesIn(t *testing.T, stdout string) (lines []string) {
	t.Helper()
	for line := range strings.Lines(stdout) {
		var e struct{ Type, Text, Reason string }
		must(t, json.Unmarshal([]byte(line), &e))
		switch e.Type {
		case "message":
			lines = append(lines, e.Text)
		case "undecryptable":
			lines = append(lines, e.Reason)
		case "gap", "order", "late":
			lines = append(lines, e.Type)
		}
	}
	return lines
}

// learn has alice see everything as it is.
func (s *stage) learn() {
	s.t.Helper()
	if code, _, stderr := s.run(s.knowing, s.does("verify")...); code != 0 {
		s.t.Fatalf("before anybody lies: exit code %d, %s", code, stderr)
	}
}

// owner makes bob one.
func (s *stage) owner() {
	s.t.Helper()
	_, err := s.b.Admin.SetRoomRole(s.ctx, s.room, "bob", bus.RoleOwner)
	must(s.t, err)
}

// otherRoom is a room of bob's and alice's besides.
func (s *stage) otherRoom() bus.RoomID {
	s.t.Helper()
	id, err := s.b.Admin.CreateRoom(s.ctx, "other", client.RoomOptions{})
	must(s.t, err)
	_, err = s.b.Admin.AddMembers(s.ctx, id, bus.RoleMember, "alice", "bob")
	must(s.t, err)
	return id
}
