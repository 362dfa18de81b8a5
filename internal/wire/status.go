package wire

import (
	"net/http"

	"unibus/internal/bus"
)

// Status is the HTTP status of each kind of error; kinds that never cross the
// wire have none and are answered 500.
func Status(k bus.Kind) int {
	if s, ok := statuses[k]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// statuses is never changed. Full is 507 (RFC 4918 §11.5).
var statuses = map[bus.Kind]int{
	bus.Invalid:         http.StatusBadRequest,
	bus.Unauthenticated: http.StatusUnauthorized,
	bus.Forbidden:       http.StatusForbidden,
	bus.NotFound:        http.StatusNotFound,
	bus.Conflict:        http.StatusConflict,
	bus.TooLarge:        http.StatusRequestEntityTooLarge,
	bus.Limited:         http.StatusTooManyRequests,
	bus.Unavailable:     http.StatusServiceUnavailable,
	bus.Full:            http.StatusInsufficientStorage,
	bus.Integrity:       http.StatusUnprocessableEntity,
}

// KindOfStatus is the kind that a client takes an error answer for.
func KindOfStatus(status int) bus.Kind {
	for k, s := range statuses {
		if s == status {
			return k
		}
	}
	if status == http.StatusBadGateway || status == http.StatusGatewayTimeout {
		return bus.Unavailable
	}
	return bus.Failed
}
