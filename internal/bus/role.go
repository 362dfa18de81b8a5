package bus

// Handle is a user's name on the bus: [a-z0-9][a-z0-9._-]{0,31}. One handle is
// one account for ever.
type Handle string

// ParseHandle accepts "bob" and "@bob".
func ParseHandle(s string) (Handle, error) {
	if len(s) > 0 && s[0] == '@' {
		s = s[1:]
	}
	if !validHandle(s) {
		return "", Errorf(Invalid, "bad_handle",
			"%q is not a user name: use 1 to 32 of a-z 0-9 . _ -, starting with a letter or digit", clip(s))
	}
	return Handle(s), nil
}

func validHandle(s string) bool {
	if len(s) == 0 || len(s) > MaxHandle {
		return false
	}
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}

// Reserved reports whether a handle stands for somebody else where people read it, as
// in "you left this room". No new user may have it; a bus may have one from before.
func (h Handle) Reserved() bool { return h == "you" || h == "somebody" || h == "unknown" }

// ErrReserved is the answer to a new user of such a name.
var ErrReserved = Errorf(Invalid, "reserved_handle", "nobody can be called you, somebody or unknown: people would take them for somebody else").
	WithHint("choose another name")

// clip keeps a stranger's bad input short in an error text.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}

// UserRole is what a user may do on the bus. The zero value has no rights.
type UserRole uint8

// The numbers are written into bus-log entries and never change.
const (
	RoleUser  UserRole = 1
	RoleAdmin UserRole = 2
)

func (r UserRole) String() string {
	switch r {
	case RoleUser:
		return "user"
	case RoleAdmin:
		return "admin"
	}
	return "none"
}

// ParseUserRole reads "user" or "admin".
func ParseUserRole(s string) (UserRole, error) {
	for _, r := range []UserRole{RoleUser, RoleAdmin} {
		if s == r.String() {
			return r, nil
		}
	}
	return 0, Errorf(Invalid, "bad_role", "%q is not a role on the bus: use user or admin", clip(s))
}

// RoomRole is what a member may do in one room. The zero value has no rights.
type RoomRole uint8

// The numbers are written into room-log entries and never change.
const (
	RoleReader RoomRole = 1
	RoleMember RoomRole = 2
	RoleOwner  RoomRole = 3
)

func (r RoomRole) String() string {
	switch r {
	case RoleReader:
		return "reader"
	case RoleMember:
		return "member"
	case RoleOwner:
		return "owner"
	}
	return "none"
}

// Writes reports whether a member with this role may send.
func (r RoomRole) Writes() bool { return r == RoleMember || r == RoleOwner }

// ParseRoomRole reads "owner", "member" or "reader".
func ParseRoomRole(s string) (RoomRole, error) {
	for _, r := range []RoomRole{RoleReader, RoleMember, RoleOwner} {
		if s == r.String() {
			return r, nil
		}
	}
	return 0, Errorf(Invalid, "bad_role", "%q is not a role in a room: use owner, member or reader", clip(s))
}

// History says what a newcomer may read.
type History uint8

// The numbers are written into room-log entries and never change.
const (
	HistoryJoin History = 1 // from joining on
	HistoryAll  History = 2 // also the epochs that the adder grants
)

func (h History) String() string {
	if h == HistoryAll {
		return "all"
	}
	return "join"
}

// Suite is the set of ciphers of a room, fixed when the room is made.
type Suite uint8

// The numbers are written into frames and room-log entries and never change.
const (
	SuiteClear  Suite = 0 // signed plaintext, loopback nodes only
	SuiteSealed Suite = 1 // X-Wing envelopes, AES-256-GCM, Ed25519ctx
)
