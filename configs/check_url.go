package configs

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// loopback reports whether host, without a port, is this machine for certain.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// listen checks an address to listen on. An address that others can reach needs remote; instead says
// what to do without it.
func (c *check) listen(key, address string, remote bool, instead string) {
	x := &fault{got: quoted(address), want: "an address such as 127.0.0.1:8480", mend: "write host:port; port 0 takes any free port"}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		c.refuse(key, x)
		return
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		x.want = "a port from 0 to 65535"
		c.refuse(key, x)
		return
	}
	if host != "" && host != "localhost" && net.ParseIP(host) == nil {
		x.want, x.mend = "an IP address or localhost before the port", "write the address of the interface"
		c.refuse(key, x)
		return
	}
	if !loopback(host) && !remote {
		x.got += ", which other hosts can reach"
		x.want, x.mend = "a loopback address such as 127.0.0.1", instead
		c.refuse(key, x)
	}
}

// shownURL writes a URL for people: without userinfo, path, query and fragment. What is no URL, or may hold credentials in a
// place of its own, is not shown.
func shownURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" && strings.ContainsAny(text, "@:"):
		return "a text that is no URL"
	case u.Host == "":
		return quoted(text)
	case slices.ContainsFunc(strings.Split(u.Scheme+"."+u.Host, "."), func(part string) bool { return !short(part) }):
		return "a strange URL"
	case strings.Trim(u.Path, "/") != "": // some addresses have their secret there
		return whole(u.Scheme + "://" + u.Host + "/…")
	}
	return whole(u.Scheme + "://" + u.Host)
}

// baseURL checks the base address of a web service and returns it without a slash at the end. Tokens and secrets go
// there: it is https, or http to this machine (the simulator).
func (c *check) baseURL(key, text string) string {
	u, err := url.Parse(text)
	x := &fault{got: shownURL(text), want: "https://host", mend: "write the scheme and the host only"}
	switch {
	case err != nil || u.Hostname() == "":
		x.mend = "write it as https://graph.microsoft.com"
	case u.User != nil:
		x.got, x.mend = "a URL with credentials", "remove everything up to the @"
	case strings.ContainsAny(text, "?#"):
		x.got, x.mend = "a URL with a query or fragment", "remove everything from the ? or # on"
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())):
		x.want, x.mend = "https (http only to 127.0.0.1, [::1] or localhost)", "a token must not travel in the open; write https://"
	case strings.Trim(u.Path, "/") != "":
		x.mend = "remove the path; the version is added to it"
	case !portFits(u.Port()):
		x.mend = "the port is 1 to 65535"
	default:
		return u.Scheme + "://" + strings.ToLower(u.Host)
	}
	c.refuse(key, x)
	return ""
}

func portFits(port string) bool {
	n, err := strconv.Atoi(port)
	return port == "" || err == nil && n > 0 && n <= 65535
}
