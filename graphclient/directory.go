package graphclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"presenced/presence"
)

// maxDirectoryTries bounds the attempts for one page of the directory.
const maxDirectoryTries = 5

// DirectoryConfig is what a [Directory] needs to know.
type DirectoryConfig struct {
	Tenant    string // the tenant's alias, for the log
	Cloud     Cloud
	Version   string            // of presenced, for the User-Agent
	Transport http.RoundTripper // nil: NewTransport
}

// Directory turns sign-in names and groups into user ids. Its requests do not
// count against the presence limit; they have one of their own, far above what
// one request at a time can reach. It is safe for concurrent use.
//
// Source: https://learn.microsoft.com/graph/throttling-limits, read 2026-11-23.
type Directory struct {
	redacted
	graph  *graph
	tokens *Tokens
	log    *zap.Logger
}

// NewDirectory refuses an incomplete configuration. The log may be nil.
func NewDirectory(cfg DirectoryConfig, tokens *Tokens, log *zap.Logger) (*Directory, error) {
	g, err := newGraph(cfg.Cloud, cfg.Version, tokens, cfg.Transport)
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	if log == nil {
		log = zap.NewNop()
	}
	return &Directory{graph: g, tokens: tokens, log: log.With(zap.String("tenant", cfg.Tenant))}, nil
}

// Resolution is who a configuration's names and groups stand for.
type Resolution struct {
	Users   map[presence.UserID]string // the name or group that the user was first found by
	Missing []string                   // names and groups that the directory does not know, in the order given
}

// Resolve asks for each name and for each group's members, those of groups inside
// it included, one request after the other. Needs User.Read.All for names and
// GroupMember.Read.All for groups. Errors are *presence.BlindError; the
// Resolution then holds what was found before.
func (d *Directory) Resolve(ctx context.Context, upns, groups []string) (Resolution, error) {
	found := Resolution{Users: map[presence.UserID]string{}}
	for _, upn := range upns {
		err := d.user(ctx, upn, found.Users)
		if err = found.note(upn, err); err != nil {
			return found, directoryBlind(err, "User.Read.All")
		}
	}
	for _, group := range groups {
		err := d.members(ctx, group, found.Users)
		if err = found.note(group, err); err != nil {
			return found, directoryBlind(err, "GroupMember.Read.All")
		}
	}
	return found, nil
}

// note files Graph's own 404 under missing. One without a code comes from
// something in between, and must not empty a roster.
func (r *Resolution) note(name string, err error) error {
	var refusal *APIError
	if errors.Is(err, errNoSegment) || errors.As(err, &refusal) && refusal.Status == http.StatusNotFound && refusal.Code != "" {
		r.Missing = append(r.Missing, name)
		return nil
	}
	return err
}

// errNoSegment is a name that would change the path it is put into.
var errNoSegment = errors.New("name is empty or made of dots")

func segment(name string) error {
	if name == "" || name == "." || name == ".." {
		return errNoSegment
	}
	return nil
}

// user implements https://learn.microsoft.com/graph/api/user-get.
func (d *Directory) user(ctx context.Context, upn string, into map[presence.UserID]string) error {
	if err := segment(upn); err != nil {
		return err
	}
	target := d.graph.url("users", upn)
	target.RawQuery = "$select=id"
	r, err := d.fetch(ctx, call{url: target})
	if err != nil {
		return err
	}
	_, err = collect(r, true, upn, into)
	return err
}

// members implements https://learn.microsoft.com/graph/api/group-list-transitivemembers.
// The cast to users is an advanced query: the header and $count are required, and
// the header again for each page.
func (d *Directory) members(ctx context.Context, group string, into map[presence.UserID]string) error {
	if err := segment(group); err != nil {
		return err
	}
	target := d.graph.url("groups", group, "transitiveMembers", "microsoft.graph.user")
	target.RawQuery = "$select=id&$top=999&$count=true"
	seen := map[string]bool{}
	var r *reply
	for range maxPages {
		var err error
		r, err = d.fetch(ctx, call{url: target, eventual: true})
		if err != nil {
			return err
		}
		link, err := collect(r, false, group, into)
		if err != nil || link == "" {
			return err
		}
		if seen[link] {
			return r.bad(http.StatusOK, "the next link comes again and again")
		}
		seen[link] = true
		if target, err = nextLink(target, link); err != nil {
			return r.bad(http.StatusOK, err.Error())
		}
	}
	return r.bad(http.StatusOK, fmt.Sprintf("the group has more than %d pages", maxPages))
}

// collect reads the ids of a page: all of them, or none of a page that is not as it
// should be.
func collect(r *reply, single bool, from string, into map[presence.UserID]string) (link string, err error) {
	var one struct {
		ID text `json:"id"`
	}
	var found []presence.UserID
	wrong := 0
	link, err = readPage(r.body, single, &one, func() {
		id, err := presence.ParseUserID(one.ID.value)
		one.ID = text{}
		if err != nil {
			wrong++
			return
		}
		found = append(found, id)
	})
	if err == nil && wrong > 0 {
		err = fmt.Errorf("the answer holds %d entries without a user id", wrong)
	}
	if err != nil {
		return "", r.bad(http.StatusOK, err.Error())
	}
	for _, id := range found {
		if _, ok := into[id]; !ok {
			into[id] = from
		}
	}
	return link, nil
}

// fetch gets one page, waiting as long as Graph asks for.
func (d *Directory) fetch(ctx context.Context, request call) (*reply, error) {
	grow := growing(time.Second, time.Minute, nil)
	for try := 1; ; try++ {
		r, err := d.graph.send(ctx, request, always)
		var refusal *APIError
		if err == nil || !errors.As(err, &refusal) {
			return r, err
		}
		again := refusal.throttles() || refusal.again
		if refusal.Status == http.StatusUnauthorized { // the bearer dropped the token
			again = !d.tokens.hopeless()
		}
		if !again || try == maxDirectoryTries {
			return nil, err
		}
		pause := max(grow.NextBackOff(), refusal.RetryAfter)
		d.log.Warn("ask the directory again", zap.Int("status", refusal.Status), zap.String("code", refusal.Code),
			zap.String("request_id", refusal.RequestID), zap.Int64("retry_after_ms", pause.Milliseconds()))
		if !sleep(ctx, pause) {
			return nil, err
		}
	}
}

// always lets the directory's requests leave: they need no ownership.
func always() error { return nil }

// directoryBlind gives a refusal its cause.
func directoryBlind(err error, permission string) error {
	var refusal *APIError
	switch {
	case !errors.As(err, &refusal):
		return tokenBlind(err)
	case refusal.Status == http.StatusForbidden:
		return &presence.BlindError{Cause: presence.CauseForbidden, Err: fmt.Errorf("grant the app the permission %s: %w", permission, err)}
	}
	return blind(refusal, "")
}
