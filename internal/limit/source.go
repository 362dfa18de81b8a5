package limit

import "net/netip"

// Source is what a per-address limit counts by: an IPv4 address, or the /64 of
// an IPv6 one, since a single customer is given at least that much and could
// else come from a new address every time.
//
// remote is the form of http.Request.RemoteAddr, "address:port", or an address
// alone. What is neither gives the zero Prefix: such callers share one bucket.
func Source(remote string) netip.Prefix {
	addr, err := netip.ParseAddr(remote)
	if err != nil {
		port, err := netip.ParseAddrPort(remote)
		if err != nil {
			return netip.Prefix{}
		}
		addr = port.Addr()
	}
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(addr, bits).Masked()
}
