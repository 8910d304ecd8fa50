package graphsim

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

const (
	// maxIDs is the documented number of ids in one bulk request
	// (https://learn.microsoft.com/graph/api/cloudcommunications-getpresencesbyuserid, read 2026-11-23).
	maxIDs = 650
	// maxBody is far more than 650 ids need.
	maxBody = 1 << 20
)

// serveBulk answers getPresencesByUserId. The caller has counted and admitted the request.
func (s *Server) serveBulk(a *reply, t target, who accessClaims) {
	ids, no := s.bulkIDs(a, who)
	if no != nil {
		a.refuse(no)
		return
	}
	fault := s.faults.take(t, a.r.URL.Path, who.TenantID, ids)
	if s.instead(a, fault) {
		return
	}
	page, next := ids, ""
	if n := s.cfg.Modes.BulkPage; n > 0 && len(ids) > n {
		page = ids[:n]
		next = origin(a.r) + a.r.URL.Path + "?$skiptoken=" + s.pages.keep(who.TenantID, ids[n:])
	}
	entries := fault.alter(s.entries(who.TenantID, page), s.cfg)
	s.send(a, fault, entries, encode(collection{
		Context:  origin(a.r) + "/v1.0/$metadata#Collection(microsoft.graph.presence)",
		NextLink: next,
		Value:    entities(entries),
	}))
}

// bulkIDs reads the ids of a bulk request, or of a further page of one.
func (s *Server) bulkIDs(a *reply, who accessClaims) ([]string, *refusal) {
	if a.r.Method == http.MethodGet {
		ids := s.pages.get(who.TenantID, a.r.URL.Query().Get("$skiptoken"))
		if ids == nil {
			return nil, badRequest("The skip token is not valid.")
		}
		return ids, nil
	}
	kind, _, err := mime.ParseMediaType(a.r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return nil, &refusal{status: http.StatusUnsupportedMediaType, code: "UnsupportedMediaType",
			message: "A supported MIME type was not found in the Content-Type header."}
	}
	body, err := io.ReadAll(http.MaxBytesReader(a.w, a.r.Body, maxBody))
	if err != nil {
		return nil, &refusal{status: http.StatusRequestEntityTooLarge, code: "RequestEntityTooLarge", message: "The request is too large."}
	}
	ids, no := parseIDs(body)
	if no == nil && !s.cfg.Modes.RepeatDuplicates {
		ids = distinct(ids)
	}
	return ids, no
}

func badRequest(message string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: "BadRequest", message: message}
}

// parseIDs reads the body of a bulk request: an object whose ids are 1 to 650 GUIDs.
func parseIDs(body []byte) ([]string, *refusal) {
	var request struct {
		IDs []string `json:"ids"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, badRequest("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	}
	if n := len(request.IDs); n < 1 || n > maxIDs {
		return nil, badRequest(fmt.Sprintf("Expected between 1 and %d ids.", maxIDs))
	}
	for _, id := range request.IDs {
		if !isGUID(id) {
			return nil, badRequest("Expected every id to be a GUID.")
		}
	}
	return request.IDs, nil
}

// distinct drops repeated ids, without case.
func distinct(ids []string) []string {
	seen := make(map[string]bool, len(ids))
	kept := make([]string, 0, len(ids))
	for _, id := range ids {
		if key := strings.ToLower(id); !seen[key] {
			seen[key] = true
			kept = append(kept, id)
		}
	}
	return kept
}

// entries looks ids up and writes them down.
func (s *Server) entries(tenantID string, ids []string) []entry {
	found, known := s.people.look(tenantID, ids)
	entries := make([]entry, 0, len(ids))
	for i, id := range ids {
		if known[i] || !s.cfg.Modes.OmitUnknown {
			entries = append(entries, s.cfg.Modes.render(id, found[i], known[i]))
		}
	}
	if s.cfg.Modes.KeepOrder {
		return entries
	}
	return shuffled(entries, s.cfg.Now())
}

// serveSingle answers the three endpoints for one user.
func (s *Server) serveSingle(a *reply, t target, who accessClaims) {
	id, context := t.argument, ""
	switch t.endpoint {
	case EndpointMe:
		id = who.ObjectID
		context = "users('" + id + "')/presence/$entity"
	case EndpointUser:
		context = "users('" + id + "')/presence/$entity"
	default:
		context = "communications/presences/$entity"
	}
	fault := s.faults.take(t, a.r.URL.Path, who.TenantID, []string{id})
	if s.instead(a, fault) {
		return
	}
	found, known := s.people.look(who.TenantID, []string{id})
	if !known[0] && s.cfg.Modes.UPNNotFound {
		a.fail(http.StatusNotFound, "NotFound", "The requested user '"+id+"' was not found.")
		return
	}
	entries := fault.alter([]entry{s.cfg.Modes.render(id, found[0], known[0])}, s.cfg)
	prefix := origin(a.r) + "/v1.0/$metadata#"
	if len(entries) == 1 && !(t.endpoint == EndpointCommunications && s.cfg.Modes.SingleAsList) {
		entries[0].json.Context = prefix + context
		s.send(a, fault, entries, encode(entries[0].json))
		return
	}
	s.send(a, fault, entries, encode(collection{Context: prefix + "communications/presences", Value: entities(entries)}))
}

// send writes an answer with presences, damaged if the fault says so, and takes note of it if it left whole.
func (s *Server) send(a *reply, fault *Fault, entries []entry, body []byte) {
	if err := s.deliver(a, fault, body); err != nil {
		return // a client that hung up was not served, and there is nobody to tell
	}
	if fault != nil && fault.Kind.spoils() {
		return
	}
	s.served.record(told(entries), s.cfg.Now())
}
