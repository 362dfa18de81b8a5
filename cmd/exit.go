package cmd

import "unibus/internal/bus"

// exit is one way for a command to end.
type exit struct {
	Code    int    `json:"code"`
	Name    string `json:"name"`
	Meaning string `json:"meaning"`
	kinds   []bus.Kind
}

// exits is the contract with scripts: a code never gets another meaning, and
// the number of a code that is no longer used stays empty.
func exits() []exit {
	return []exit{
		{0, "ok", "done", nil},
		{1, "failed", "anything that has no code of its own", []bus.Kind{bus.Failed, bus.Full}},
		{2, "usage", "the command was not understood; nothing was done", []bus.Kind{bus.Invalid}},
		{3, "not_found", "no such thing, or not for you to know", []bus.Kind{bus.NotFound}},
		{4, "unauthenticated", "nobody the bus knows: unknown, revoked or expired", []bus.Kind{bus.Unauthenticated}},
		{5, "forbidden", "you may not", []bus.Kind{bus.Forbidden}},
		{6, "conflict", "it exists already, or somebody else was first", []bus.Kind{bus.Conflict}},
		{7, "unavailable", "the bus cannot be reached or is too busy; try again", []bus.Kind{bus.Unavailable, bus.Limited}},
		{8, "integrity", "a hash, a signature or a key does not hold", []bus.Kind{bus.Integrity}},
		{9, "too_large", "over a size limit", []bus.Kind{bus.TooLarge}},
		{10, "unsafe", "less safe than is required; refused", []bus.Kind{bus.Unsafe}},
		{11, "partial", "some of it was done", []bus.Kind{bus.Partial}},
		{12, "findings", "done, and what was looked for was found", []bus.Kind{bus.Findings}},
		{124, "timeout", "no progress within --timeout", []bus.Kind{bus.Timeout}},
		{130, "interrupted", "stopped by a signal", []bus.Kind{bus.Interrupted}},
	}
}

// exitCode returns the code of a kind; one that the table does not hold failed.
func exitCode(kind bus.Kind) int {
	for _, e := range exits() {
		for _, k := range e.kinds {
			if k == kind {
				return e.Code
			}
		}
	}
	return 1
}
