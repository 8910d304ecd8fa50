package graphsim

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	graphContentType = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
	loginContentType = "application/json; charset=utf-8"
	diagnostic       = `{"ServerInfo":{"DataCenter":"Simulated","Slice":"E","Ring":"1","ScaleUnit":"000","RoleInstance":"SIM000000000000"}}`
)

// reply is one answer of Graph under way.
type reply struct {
	w         http.ResponseWriter
	r         *http.Request
	now       func() time.Time
	requestID string
	login     bool // an answer of the token service, whose errors look different
}

// newReply sets the headers that every answer of Graph has.
func (s *Server) newReply(w http.ResponseWriter, r *http.Request) *reply {
	a := &reply{w: w, r: r, now: s.cfg.Now, requestID: uuid.NewString()}
	h := w.Header()
	h.Set("request-id", a.requestID)
	h.Set("client-request-id", a.clientRequestID())
	h.Set("Date", s.cfg.Now().UTC().Format(http.TimeFormat))
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("x-ms-ags-diagnostic", diagnostic)
	return a
}

func (a *reply) clientRequestID() string {
	if id := a.r.Header.Get("client-request-id"); isGUID(id) {
		return id
	}
	return a.requestID
}

// graphError is the body of every error of Graph.
type graphError struct {
	Error errorBody `json:"error"`
}

type errorBody struct {
	Code       string     `json:"code"`
	Message    string     `json:"message"`
	InnerError innerError `json:"innerError"`
}

// innerError has its date without a time zone, as the wire has and the OpenAPI description has not.
type innerError struct {
	Code            string `json:"code,omitempty"`
	Date            string `json:"date"`
	Message         string `json:"message,omitempty"`
	RequestID       string `json:"request-id"`
	ClientRequestID string `json:"client-request-id,omitempty"`
	Status          string `json:"status,omitempty"`
}

func (a *reply) innerDate() string { return a.now().UTC().Format("2006-01-02T15:04:05") }

// refuse writes an error answer.
func (a *reply) refuse(no *refusal) {
	if no.authenticate != "" {
		a.w.Header().Set("WWW-Authenticate", no.authenticate)
	}
	a.fail(no.status, no.code, no.message)
}

// fail writes an error answer.
func (a *reply) fail(status int, code, message string) {
	if a.login {
		a.failLogin(status, message)
		return
	}
	a.failWith(status, errorBody{code, message, innerError{
		Date: a.innerDate(), RequestID: a.requestID, ClientRequestID: a.clientRequestID(),
	}})
}

func (a *reply) failWith(status int, body errorBody) {
	a.w.Header().Set("Content-Type", "application/json")
	a.w.WriteHeader(status)
	// The client may be gone; there is nobody to tell.
	_ = json.NewEncoder(a.w).Encode(graphError{body})
}

// send writes a 200 with a whole body, compressed if the client asked for it. Nil means that the body left this handler
// undamaged.
func (a *reply) send(body []byte) error {
	a.markRight()
	if err := writeBody(a.w, body, acceptsGzip(a.r)); err != nil {
		return err
	}
	return a.r.Context().Err()
}

// markRight sets the headers of a right answer.
func (a *reply) markRight() {
	h := a.w.Header()
	if a.login {
		h.Set("Content-Type", loginContentType)
		return
	}
	h.Set("Content-Type", graphContentType)
	h.Set("OData-Version", "4.0")
	h.Set("Cache-Control", "no-cache")
}

// writeBody writes and flushes, so that the answer is chunked and the last byte has left when it returns.
func writeBody(w http.ResponseWriter, body []byte, compress bool) error {
	if compress {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Add("Vary", "Accept-Encoding")
		packed, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // the level is valid, which is all that is checked
		if _, err := packed.Write(body); err != nil {
			return err
		}
		if err := packed.Close(); err != nil {
			return err
		}
	} else if _, err := w.Write(body); err != nil {
		return err
	}
	if err := http.NewResponseController(w).Flush(); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

func acceptsGzip(r *http.Request) bool {
	for _, line := range r.Header.Values("Accept-Encoding") {
		for token := range strings.SplitSeq(line, ",") {
			name, weight, _ := strings.Cut(strings.TrimSpace(token), ";")
			if strings.EqualFold(name, "gzip") && strings.ReplaceAll(weight, " ", "") != "q=0" {
				return true
			}
		}
	}
	return false
}
