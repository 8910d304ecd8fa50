package graphsim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
)

// tokenError is a refusal of the token service. Clients should branch on the OAuth error, not on the number
// (https://learn.microsoft.com/entra/identity-platform/reference-error-codes, read 2026-11-23).
type tokenError struct {
	code int // AADSTS
	text string
	sub  string // suberror; empty: none
}

// oauthError is the body of an error of the token service, as recorded.
type oauthError struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	Timestamp     string `json:"timestamp"`
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
	URI           string `json:"error_uri"`
	Sub           string `json:"suberror,omitempty"`
}

// refuseToken writes an error answer of the token service.
func (a *reply) refuseToken(no *tokenError) {
	status, oauth := classify(no.code)
	a.writeLogin(status, a.oauthError(oauth, no.code, cmp.Or(no.text, textOf(no.code)), no.sub))
}

// slowDownCode stands for the one error that has no number. It is never written.
const slowDownCode = -1

// slowDown writes the error that RFC 8628 has and Entra does not.
func (a *reply) slowDown() {
	body := a.oauthError("slow_down", 0, "The client polls too fast.", "")
	body.Codes = []int{}
	a.writeLogin(http.StatusBadRequest, body)
}

// failLogin writes an error of an injected status, under the numbers Entra uses for such.
func (a *reply) failLogin(status int, message string) {
	code := 90033
	switch {
	case status == http.StatusTooManyRequests:
		code = 90055
	case status < http.StatusInternalServerError:
		code = 90023
	}
	_, oauth := classify(code)
	a.writeLogin(status, a.oauthError(oauth, code, message, ""))
}

func (a *reply) oauthError(oauth string, code int, text, sub string) oauthError {
	stamp := a.now().UTC().Format("2006-01-02 15:04:05Z")
	return oauthError{
		Error: oauth,
		Description: fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s",
			code, text, a.requestID, a.clientRequestID(), stamp),
		Codes: []int{code}, Timestamp: stamp, TraceID: a.requestID, CorrelationID: a.clientRequestID(),
		URI: fmt.Sprintf("%s/error?code=%d", origin(a.r), code), Sub: sub,
	}
}

// writeLogin writes an answer of the token service.
func (a *reply) writeLogin(status int, body any) {
	a.w.Header().Set("Content-Type", loginContentType)
	a.w.WriteHeader(status)
	_ = json.NewEncoder(a.w).Encode(body) // the client may be gone; there is nobody to tell
}
