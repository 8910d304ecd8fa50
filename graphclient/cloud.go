package graphclient

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// Cloud is one of Microsoft's clouds: where tokens come from and where Graph
// stands. Tokens of one are worthless in another.
//
// Source: https://learn.microsoft.com/graph/deployments
type Cloud struct {
	LoginURL string // scheme and host, no path
	GraphURL string // scheme and host, no path
}

// Check refuses a cloud that would send a secret anywhere but over https or to
// this machine.
func (c Cloud) Check() error {
	_, login := parseBase(c.LoginURL)
	_, graph := parseBase(c.GraphURL)
	return errors.Join(prefixed("login_url", login), prefixed("graph_url", graph))
}

// scope asks for all that an administrator has granted.
func (c Cloud) scope() string { return strings.TrimSuffix(c.GraphURL, "/") + "/.default" }

// endpoint is an OAuth endpoint of a directory: token or devicecode.
func (c Cloud) endpoint(tenantID, name string) string {
	return strings.TrimSuffix(c.LoginURL, "/") + "/" + tenantID + "/oauth2/v2.0/" + name
}

func prefixed(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

// parseBase accepts scheme, host and port and nothing else. Its errors do not
// repeat the URL, which may hold a password.
func parseBase(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "":
		return nil, errors.New("not a URL, want one such as https://graph.microsoft.com")
	case u.User != nil:
		return nil, errors.New("holds a user name, want scheme and host only")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("holds a path or query, want scheme and host only")
	case origin(u) == "":
		return nil, errors.New("host or port is not plain ASCII, want one such as graph.microsoft.com")
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return u, nil
	case u.Scheme == "http":
		return nil, errors.New("plain http is allowed to loopback only, want https")
	}
	return nil, fmt.Errorf("scheme is %q, want https", u.Scheme)
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// origin is scheme, host and port in one comparable form; empty for whatever
// should not be compared: credentials inside, no host, letters outside ASCII
// (U+212A, the Kelvin sign, is lowered to k).
func origin(u *url.URL) string {
	host, port, scheme := u.Hostname(), u.Port(), strings.ToLower(u.Scheme)
	if u.User != nil || u.Opaque != "" || host == "" {
		return ""
	}
	for i := range len(u.Host) {
		if c := u.Host[i]; c <= ' ' || c >= 0x7f {
			return ""
		}
	}
	if port == "" {
		switch scheme {
		case "https":
			port = "443"
		case "http":
			port = "80"
		}
	}
	return scheme + "://" + strings.ToLower(host) + ":" + port
}
