package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// checkListen says what is wrong with an address to listen on, "" if nothing.
func checkListen(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "is no address; write HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 || len(port) > 5 {
		return "has no port between 0 and 65535 behind its colon"
	}
	if host == "" {
		return ""
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return ""
	}
	for i := 0; i < len(host); i++ {
		c := host[i]
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_'
		if !ok {
			return "names no host; write HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080"
		}
	}
	// All digits and dots is an address that was mistyped, not a name.
	if strings.Trim(host, "0123456789.") == "" {
		return "is no address; an IPv4 address has four numbers from 0 to 255"
	}
	return ""
}

// IsLoopback tells whether only this machine can reach a listener on addr. It
// is true for localhost, 127.0.0.0/8 and ::1 alone: a name may resolve to
// anything, and no host at all listens everywhere.
func IsLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
