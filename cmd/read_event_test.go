package cmd

import (
	"strings"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/config"
)

// An edit says whether it counts: it is its author's to change what he wrote, nobody
// else's, and of what was not shown nobody can tell.
func TestEditsPrinted(t *testing.T) {
	t.Parallel()
	here, away := bus.Hash{1}, bus.Hash{2}
	edit := func(from bus.Handle, of bus.Hash) *bus.Message {
		return &bus.Message{Seq: 8, Records: 1, Hash: bus.Hash{3}, From: from, Trust: bus.TrustVerified, Kind: "edit", Text: "new",
			ReplyTo: &bus.RecordRef{Frame: of.Prefix()}}
	}
	tests := map[string]struct {
		seq        uint64
		m          *bus.Message
		line, json string
	}{
		"its author's":        {7, edit("alice", here), "alice  [edits 7] new\n", `"reply_to":"7","edited":true}`},
		"somebody else's":     {7, edit("mallory", here), "mallory  [no edit, for it is another's: 7] new\n", `"reply_to":"7","edited":false}`},
		"of what is not here": {7, edit("alice", away), "alice  [edits 0200", `.0"}`},
		"where nothing stays": {0, edit("alice", here), "alice  [edits 0100", `.0","edited":true}`},
		"a delete": {7, &bus.Message{Seq: 8, Records: 1, From: "alice", Trust: bus.TrustVerified, Kind: "delete",
			ReplyTo: &bus.RecordRef{Frame: here.Prefix()}}, "alice  [deletes 7] \n", `"reply_to":"7"}`},
		"a reply": {7, &bus.Message{Seq: 8, Records: 1, From: "bob", Trust: bus.TrustVerified, Kind: "reply", Text: "yes",
			ReplyTo: &bus.RecordRef{Frame: here.Prefix()}}, "bob  [to 7] yes\n", `"reply_to":"7"}`},
	}
	for name, tt := range tests {
		for format, want := range map[config.Format]string{config.Text: tt.line, config.NDJSON: tt.json} {
			f := newFakeEnv("").printing(format)
			p := newEventPrinter(f.Env, "ops")
			for _, m := range []*bus.Message{{Seq: tt.seq, Records: 1, Hash: here, From: "alice", Trust: bus.TrustVerified, Kind: "text", Text: "old"}, tt.m} {
				if err := p.print(bus.Event{Message: m}); err != nil {
					t.Fatal(err)
				}
			}
			if got := f.stdout.String(); !strings.Contains(got, want) {
				t.Errorf("%s, %s: got %q, want %q in it", name, format, got, want)
			}
		}
	}
}
