package control

import (
	"slices"
	"strings"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// who may use a route, as far as that is told without looking at the body. What
// a signer may do there is the rules' to say.
type who uint8

const (
	known    who = iota // an active endpoint, a live invite or device link
	anyone              // no signature, in no mode
	stranger            // any key: the body proves what it may do
	founder             // the key of the founding link
)

// body is what comes with a request.
type body uint8

const (
	empty  body = iota
	small       // read whole into memory before the handler runs
	stream      // read by the handler
)

// ceilings bound the bodies in bytes.
var ceilings = [...]int64{empty: 0, small: bus.MaxJSONBody, stream: bus.MaxPieceBody}

// route is one line of the table.
type route struct {
	pattern string // method, space, path with values in braces
	who     who
	body    body
	query   []string // names that may stand in the query
	handle  func(*exchange) error
}

// routes is every route that there is.
func routes() []route {
	return []route{
		{wire.RouteHealth, anyone, empty, nil, (*exchange).health},
		{wire.RouteServer, anyone, empty, nil, (*exchange).describe},
		{wire.RouteFound, founder, small, nil, (*exchange).found},

		{wire.RouteLog, known, empty, []string{"from"}, (*exchange).busLog},
		{wire.RouteLogAppend, known, small, nil, (*exchange).appendBus},
		{wire.RouteUsers, known, empty, nil, (*exchange).users},
		{wire.RouteUser, known, empty, nil, (*exchange).user},
		{wire.RouteAccount, known, empty, []string{"from"}, (*exchange).account},
		{wire.RouteAccountAdd, stranger, small, nil, (*exchange).appendAccount},
		{wire.RouteAccept, stranger, small, nil, (*exchange).acceptInvite},
		{wire.RouteLink, known, empty, nil, (*exchange).link},
		{wire.RouteLinkAccept, stranger, small, nil, (*exchange).acceptLink},
		{wire.RouteLimits, known, empty, nil, (*exchange).limits},

		{wire.RouteRoomNew, known, small, nil, (*exchange).createRoom},
		{wire.RouteRoom, known, empty, nil, (*exchange).room},
		{wire.RouteMembers, known, empty, nil, (*exchange).members},
		{wire.RouteRoomLog, known, empty, []string{"from"}, (*exchange).roomLog},
		{wire.RouteRoomAppend, known, small, nil, (*exchange).appendRoom},
		{wire.RouteStage, known, small, nil, (*exchange).stage},
		{wire.RouteKey, known, empty, []string{"epoch", "endpoint"}, (*exchange).key},
		{wire.RouteGrant, known, small, nil, (*exchange).grant},
		{wire.RouteGrants, known, empty, []string{"endpoint", "from"}, (*exchange).grants},
		{wire.RouteMessages, known, empty, []string{"after", "before", "limit"}, (*exchange).messages},
		{wire.RouteMyRooms, known, empty, nil, (*exchange).roomsOf},

		{wire.RouteBlobs, known, empty, []string{"scope", "after", "limit"}, (*exchange).listBlobs},
		{wire.RouteBlobHead, known, empty, nil, (*exchange).headBlob},
		{wire.RouteBlobGet, known, empty, nil, (*exchange).getBlob},
		{wire.RouteBlobPut, known, stream, []string{"scope", "part"}, (*exchange).putBlob},
		{wire.RouteBlobDelete, known, empty, nil, (*exchange).deleteBlob},
	}
}

var (
	errNoRoute = bus.Errorf(bus.NotFound, "no_route", "there is nothing at this address").
			WithHint("is the node of the same version?")
	errTarget   = bus.Errorf(bus.Invalid, "bad_target", "the address of the request is not in canonical form")
	errProtocol = bus.Errorf(bus.Invalid, "bad_protocol", "this node speaks HTTP/1.1 alone")
	errQuery    = bus.Errorf(bus.Invalid, "bad_query", "the query holds a name that this route does not know")
)

// router finds routes by the raw bytes of a request line, since those are what
// was signed: nothing is decoded, cleaned or redirected.
type router []struct {
	route
	method   string
	segments []string // of the path; "" for a value
}

func newRouter(table []route) router {
	r := make(router, len(table))
	for i, line := range table {
		method, path, _ := strings.Cut(line.pattern, " ")
		r[i].route, r[i].method = line, method
		r[i].segments = strings.Split(path, "/")
		for j, s := range r[i].segments {
			if strings.HasPrefix(s, "{") {
				r[i].segments[j] = ""
			}
		}
	}
	return r
}

// find returns the route of a path and the values in it.
func (r router) find(method, path string) (route, []string, error) {
	parts := strings.Split(path, "/")
	for _, line := range r {
		if line.method == method && len(line.segments) == len(parts) {
			if values, ok := match(line.segments, parts); ok {
				return line.route, values, nil
			}
		}
	}
	return route{}, nil, errNoRoute
}

func match(segments, parts []string) (values []string, ok bool) {
	for i, s := range segments[1:] { // before the first slash is nothing
		switch part := parts[i+1]; {
		case s == "":
			values = append(values, part)
		case s != part:
			return nil, false
		}
	}
	return values, true
}

// find is the stage that chooses the route and reads the query. No value in any
// target needs escaping, so none may be escaped.
func (x *exchange) find() (err error) {
	if x.http.ProtoMajor != 1 {
		return errProtocol
	}
	path, query, asked := strings.Cut(x.http.RequestURI, "?")
	if !canonical(path) {
		return errTarget
	}
	x.route, x.values, err = x.router.find(x.http.Method, path)
	if err != nil || !asked {
		return err
	}
	return x.readQuery(query)
}

// canonical reports whether a path has one reading: every segment is there and
// means itself.
func canonical(path string) bool {
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "%#\\") {
		return false
	}
	for part := range strings.SplitSeq(path[1:], "/") {
		if part == "" && path != "/" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

// readQuery takes each name at most once, and only those of the route.
func (x *exchange) readQuery(query string) error {
	x.query = make(map[string]string, len(x.route.query))
	for part := range strings.SplitSeq(query, "&") {
		name, value, ok := strings.Cut(part, "=")
		_, twice := x.query[name]
		if !ok || twice || strings.ContainsAny(value, "%+=") {
			return errTarget
		}
		x.query[name] = value
	}
	for name := range x.query {
		if !slices.Contains(x.route.query, name) {
			return errQuery
		}
	}
	return nil
}
