package graphclient

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
)

const (
	maxLink  = 8 << 10
	maxPages = 2000 // of one listing: two million members
)

// nextLink parses a link to the next page. It must stay on the origin of the
// page before and under the same collection ("/v1.0/users/"): a link elsewhere
// would carry the token away. Errors name the host at most.
func nextLink(from *url.URL, link string) (*url.URL, error) {
	if len(link) > maxLink {
		return nil, fmt.Errorf("next link has %d bytes, want at most %d", len(link), maxLink)
	}
	u, err := url.Parse(link)
	if err != nil {
		return nil, errors.New("next link is not a URL")
	}
	home := origin(from)
	if got := origin(u); home == "" || got != home {
		return nil, fmt.Errorf("next link leads to host %.100q, not to the configured Graph host", u.Hostname())
	}
	if path.Clean(u.Path) != u.Path || strings.ContainsAny(u.Path, "\\\x00") ||
		!strings.HasPrefix(u.Path, collection(from.Path)) || u.Fragment != "" {
		return nil, errors.New("next link leads to another collection of Graph")
	}
	return u, nil
}

// collection is the first two segments of a path, with a slash on either side.
func collection(p string) string {
	parts := strings.SplitN(strings.TrimPrefix(p, "/"), "/", 3)
	if len(parts) < 2 {
		return "/"
	}
	return "/" + parts[0] + "/" + parts[1] + "/"
}
