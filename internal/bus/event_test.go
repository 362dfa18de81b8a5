package bus

import "testing"

// What others said is unread; what they change, and what programs say, is not.
func TestWhatCountsAsUnread(t *testing.T) {
	t.Parallel()
	for kind, said := range map[string]bool{"text": true, "reply": true, "file": true, "edit": false, "delete": false, "reaction": false, "value": false, "later": false} {
		m := &Message{From: "alice", Kind: kind}
		if m.Said() != said || m.Counts("bob") != said || m.Counts("alice") {
			t.Errorf("%s: said %v, unread to bob %v, to its author %v", kind, m.Said(), m.Counts("bob"), m.Counts("alice"))
		}
	}
}

// A message that came late is one all the same.
func TestWhatAnEventBrings(t *testing.T) {
	t.Parallel()
	m := &Message{Text: "x"}
	if (Event{Message: m}).Brings() != m || (Event{Late: &LateEvent{Message: m}}).Brings() != m || (Event{Gap: &GapEvent{}}).Brings() != nil {
		t.Error("the message of an event is another one")
	}
}
