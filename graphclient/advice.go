package graphclient

import (
	"fmt"
	"net/http"

	"presenced/presence"
)

// blind gives a refusal its cause, and says what to do about it: the worker logs
// the error and knows no more.
func blind(e *APIError, endpoint Endpoint) *presence.BlindError {
	cause, todo := presence.CauseUnreachable, ""
	switch {
	case e.Status == 0:
		todo = "check the network, the proxy and the name server"
	case e.Status == http.StatusUnauthorized:
		cause, todo = presence.CauseUnauthorized, "check that graph_url belongs to the directory's cloud and that the app is enabled"
	case e.Status == http.StatusForbidden:
		cause, todo = presence.CauseForbidden, "grant the app the permission "+permission(endpoint)
	case endpoint == EndpointMe && e.Status == http.StatusBadRequest:
		cause, todo = presence.CauseForbidden, "endpoint me needs a person's sign-in (credential device_code)"
	case e.Status == http.StatusTooManyRequests, e.throttles() && e.RetryAfter > 0:
		cause, todo = presence.CauseThrottled, "lower rate.share if this lasts: others may use the same app"
	case e.Status >= 500:
		todo = "nothing to do here, Graph is asked again"
	case e.Status < 400:
		todo = "check what stands between here and Graph, a proxy for instance"
	default:
		todo = "check endpoint and graph_url"
	}
	return &presence.BlindError{Cause: cause, Err: fmt.Errorf("%s: %w", todo, e)}
}

// permission is the least that an endpoint needs.
func permission(e Endpoint) string {
	if e == EndpointMe {
		return "Presence.Read (delegated)"
	}
	return "Presence.Read.All (application, with an administrator's consent; delegated for device_code)"
}
