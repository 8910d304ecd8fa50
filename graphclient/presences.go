package graphclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"go.uber.org/zap"

	"presenced/presence"
)

// maxAnswerPages bounds the pages of one answer; 650 users fit in one.
const maxAnswerPages = 10

// Presences asks for the presence of the users given, one chunk as a rule. The
// answers come in the order of ids, as a rule too. Users without an answer are
// absent: not answered, refused, or answered with what is no presence.
//
// There can be answers and an error at once. The error is a *presence.BlindError;
// an *[APIError] or a *[TokenError] is inside where there was a refusal. An id
// that Graph refuses is found by halving the chunk, left out for ten minutes and
// no error. Whoever sets ctx's deadline bounds retries and waits.
func (c *Client) Presences(ctx context.Context, ids []presence.UserID) ([]presence.Answer, error) {
	var counts Outcome
	asked := unique(ids)
	good, again := c.bad.split(asked, time.Now())
	counts.Refused = len(asked) - len(good) - len(again)
	var answers []presence.Answer
	var err error
	chunks := slices.Collect(slices.Chunk(good, c.ChunkSize()))
	if len(again) > 0 {
		chunks = append(chunks, again)
	}
	for _, chunk := range chunks {
		some, failed := c.ask(ctx, chunk, &counts)
		answers = append(answers, some...)
		if err = failed; err != nil {
			break
		}
	}
	if len(answers) > 0 {
		c.bad.answered(nil, time.Now()) // for an id that was refused after the last answer
	}
	c.observer.Answers(counts)
	return answers, err
}

// unique drops duplicates and whatever is no user id: it would spoil the chunk.
func unique(ids []presence.UserID) []presence.UserID {
	seen := make(map[presence.UserID]bool, len(ids))
	kept := make([]presence.UserID, 0, len(ids))
	for _, raw := range ids {
		id, err := presence.ParseUserID(string(raw))
		if err != nil || seen[id] {
			continue
		}
		seen[id] = true
		kept = append(kept, id)
	}
	return kept
}

// ask gets the answers for one chunk. A chunk that is refused as a whole is
// halved, each request within the budget, until the bad id is alone.
func (c *Client) ask(ctx context.Context, ids []presence.UserID, counts *Outcome) ([]presence.Answer, error) {
	answers, err := c.pages(ctx, ids, counts)
	if err == nil {
		c.bad.answered(ids, time.Now())
		return answers, nil
	}
	var refusal *APIError
	if !errors.As(err, &refusal) || !blamesIDs(refusal, c.endpoint) || !c.bad.refused(time.Now()) {
		return answers, err
	}
	if len(ids) == 1 {
		c.bad.suspect(ids[0])
		counts.Refused++
		c.log.Warn("Graph refuses a user", zap.Int("status", refusal.Status), zap.String("code", refusal.Code),
			zap.String("request_id", refusal.RequestID))
		c.log.Debug("Graph refuses a user", zap.String("user", string(ids[0])))
		return nil, nil
	}
	left, err := c.ask(ctx, ids[:len(ids)/2], counts)
	if err != nil {
		return left, err
	}
	right, err := c.ask(ctx, ids[len(ids)/2:], counts)
	return append(left, right...), err
}

// blamesIDs reports whether a refusal may be the fault of an id among many.
func blamesIDs(e *APIError, endpoint Endpoint) bool {
	switch e.Status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return endpoint != EndpointMe
	}
	return false
}

// pages gets one answer with all its pages. Pages never came so far; Microsoft's
// OpenAPI description allows them.
func (c *Client) pages(ctx context.Context, ids []presence.UserID, counts *Outcome) ([]presence.Answer, error) {
	request, err := c.request(ids)
	if err != nil {
		return nil, &presence.BlindError{Cause: presence.CauseUnreachable, Err: err}
	}
	h := newHarvest(ids, c.fields, c.endpoint != EndpointBulk)
	defer func() {
		counts.Unasked += h.unasked
		counts.NewWords += h.newWords
		if h.unasked > 0 {
			c.log.Warn("Graph answered for users nobody asked for", zap.Int("users", h.unasked))
		}
	}()
	seen := map[string]bool{}
	var r *reply
	for range maxAnswerPages {
		r, err = c.fetch(ctx, request)
		if err != nil {
			return h.answers(), err
		}
		next, err := h.next(r, request.url, seen)
		if err != nil {
			return h.answers(), blind(r.bad(http.StatusOK, err.Error()), c.endpoint)
		}
		if next == nil {
			return h.answers(), nil
		}
		request = call{url: next}
	}
	return h.answers(), blind(r.bad(http.StatusOK, fmt.Sprintf("the answer has more than %d pages", maxAnswerPages)), c.endpoint)
}

// request is the first request of a chunk.
func (c *Client) request(ids []presence.UserID) (call, error) {
	g := c.graph
	switch c.endpoint {
	case EndpointUser:
		return call{url: g.url("users", string(ids[0]), "presence")}, nil
	case EndpointCommunications:
		return call{url: g.url("communications", "presences", string(ids[0]))}, nil
	case EndpointMe:
		return call{url: g.url("me", "presence")}, nil
	}
	payload, err := json.Marshal(struct {
		IDs []presence.UserID `json:"ids"`
	}{ids})
	if err != nil {
		return call{}, err
	}
	return call{url: g.url("communications", "getPresencesByUserId"), payload: payload}, nil
}
