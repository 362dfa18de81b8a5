package roomlog

import "unibus/internal/chain"

// ReasonOf is the reason of a plain rekey, 0 for other entries.
func ReasonOf(e *chain.Entry) Reason {
	if e.Op != OpRekey {
		return 0
	}
	r, _ := parseRekey(e.Body)
	return r.Reason
}

// ComplaintOf is the complaint of a rekey that rests on one.
func ComplaintOf(e *chain.Entry) (c Complaint, ok bool) {
	if ReasonOf(e) != ReasonBroken {
		return c, false
	}
	r, ok := parseRekey(e.Body)
	return r.Complaint, ok
}

// Pins lists the account-chain positions that an entry rests on: a client
// reads that far before it checks the entry.
func Pins(e *chain.Entry) []Pin {
	switch e.Op {
	case OpCreate:
		c, _ := parseCreate(e.Body)
		return []Pin{{Account: e.Account, At: c.Owner}}
	case OpRekey:
		r, _ := parseRekey(e.Body)
		return r.Start.Members
	case OpAdd:
		a, _ := parseAdd(e.Body)
		return a.Start.Members
	case OpRemove:
		r, _ := parseRemove(e.Body)
		return r.Start.Members
	case OpAccept:
		a, _ := parseAccept(e.Body)
		return a.Start.Members
	}
	return nil
}

// ClosingOf is the frame that an entry names as the last one that its author saw
// of an epoch that he ends or leaves, the zero Closing for entries of other kinds.
func ClosingOf(e *chain.Entry) Closing {
	if e.Op == OpLeave {
		l, _ := parseLeave(e.Body)
		return l.Closing
	}
	return Closing{}
}
