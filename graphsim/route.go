package graphsim

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Endpoint is one of the simulated operations; faults choose by it.
type Endpoint string

// The simulated operations.
const (
	EndpointToken          Endpoint = "token"          // POST /{tenant}/oauth2/v2.0/token
	EndpointDeviceCode     Endpoint = "devicecode"     // POST /{tenant}/oauth2/v2.0/devicecode
	EndpointBulk           Endpoint = "bulk"           // POST /v1.0/communications/getPresencesByUserId
	EndpointUser           Endpoint = "user"           // GET /v1.0/users/{id}/presence
	EndpointCommunications Endpoint = "communications" // GET /v1.0/communications/presences/{id}
	EndpointMe             Endpoint = "me"             // GET /v1.0/me/presence
	EndpointUserRecord     Endpoint = "users"          // GET /v1.0/users/{id or user principal name}
	EndpointGroup          Endpoint = "group"          // GET /v1.0/groups/{id}/transitiveMembers[/microsoft.graph.user]

	endpointControl Endpoint = "control"
	endpointNone    Endpoint = ""
)

func endpoints() []Endpoint {
	return []Endpoint{EndpointToken, EndpointDeviceCode, EndpointBulk, EndpointUser, EndpointCommunications, EndpointMe,
		EndpointUserRecord, EndpointGroup}
}

// presence reports whether e counts against the presence limit.
func (e Endpoint) presence() bool {
	return e == EndpointBulk || e == EndpointUser || e == EndpointCommunications || e == EndpointMe
}

// method returns the one method an endpoint accepts. Only a bulk page is fetched differently.
func (e Endpoint) method() string {
	if e == EndpointBulk {
		return http.MethodPost
	}
	return http.MethodGet
}

const (
	castUsers  = "microsoft.graph.user"
	allMembers = ""
)

// target is what a path means.
type target struct {
	endpoint Endpoint
	argument string // tenant, user or group; for control the rest of the path
	cast     string // of group members
}

// route sorts a URL. An unknown path has endpointNone.
func route(u *url.URL) target {
	parts := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	for i, part := range parts {
		plain, err := url.PathUnescape(part)
		if err != nil {
			return target{}
		}
		parts[i] = plain
	}
	switch {
	case parts[0] == "_sim":
		return target{endpoint: endpointControl, argument: strings.Join(parts[1:], "/")}
	case parts[0] == "v1.0":
		return routeGraph(parts[1:])
	case len(parts) == 4 && parts[1] == "oauth2" && parts[2] == "v2.0" && parts[3] == "token":
		return target{endpoint: EndpointToken, argument: parts[0]}
	case len(parts) == 4 && parts[1] == "oauth2" && parts[2] == "v2.0" && parts[3] == "devicecode":
		return target{endpoint: EndpointDeviceCode, argument: parts[0]}
	}
	return target{}
}

// routeGraph sorts what follows /v1.0/. Property and action names are matched without case, as OData in Graph is.
func routeGraph(parts []string) target {
	is := func(i int, name string) bool { return strings.EqualFold(parts[i], name) }
	switch n := len(parts); {
	case n == 2 && is(0, "communications") && is(1, "getPresencesByUserId"):
		return target{endpoint: EndpointBulk}
	case n == 3 && is(0, "communications") && is(1, "presences") && parts[2] != "":
		return target{endpoint: EndpointCommunications, argument: parts[2]}
	case n == 2 && is(0, "me") && is(1, "presence"):
		return target{endpoint: EndpointMe}
	case n == 3 && is(0, "users") && is(2, "presence") && parts[1] != "":
		return target{endpoint: EndpointUser, argument: parts[1]}
	case n == 2 && is(0, "users") && parts[1] != "":
		return target{endpoint: EndpointUserRecord, argument: parts[1]}
	case n == 3 && is(0, "groups") && is(2, "transitiveMembers"):
		return target{endpoint: EndpointGroup, argument: parts[1], cast: allMembers}
	case n == 4 && is(0, "groups") && is(2, "transitiveMembers") && is(3, castUsers):
		return target{endpoint: EndpointGroup, argument: parts[1], cast: castUsers}
	}
	return target{}
}

// origin returns scheme and host of the server as the client addressed it.
func origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// isLoopbackOrigin reports whether s is the origin of a server on this machine.
func isLoopbackOrigin(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Path != "" || (u.Scheme != "http" && u.Scheme != "https") {
		return false
	}
	host := u.Hostname()
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
