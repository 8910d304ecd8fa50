package graphclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// APIError is a refusal by Graph, or its silence. It travels inside a
// *presence.BlindError where a whole request failed.
//
// Source: https://learn.microsoft.com/graph/errors
type APIError struct {
	Status          int           // HTTP status; 0: no answer came
	Code            string        // Graph's code, cleaned; do not decide on it
	Message         string        // Graph's words or ours, cleaned, at most 200 characters; ids and names are removed
	RequestID       string        // Graph's id of the exchange, for Microsoft's support
	ClientRequestID string        // ours, sent along
	RetryAfter      time.Duration // how long Graph asks to wait, at most 15 min; 0: it does not say

	again bool  // asking once more may help
	err   error // what broke, where it was not an answer; its text holds nothing of the wire
}

// Error implements error.
func (e *APIError) Error() string {
	var b strings.Builder
	if e.Status == 0 {
		b.WriteString("Graph gave no answer")
	} else {
		fmt.Fprintf(&b, "Graph answered %d %s", e.Status, http.StatusText(e.Status))
	}
	for _, part := range []string{e.Code, e.Message} {
		if part != "" {
			b.WriteString(": " + part)
		}
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, ", retry after %v", e.RetryAfter)
	}
	if e.RequestID != "" {
		b.WriteString(", request-id " + e.RequestID)
	}
	if e.ClientRequestID != "" {
		b.WriteString(", client-request-id " + e.ClientRequestID)
	}
	return b.String()
}

// Unwrap gives what broke the exchange, such as context.DeadlineExceeded.
func (e *APIError) Unwrap() error { return e.err }

// newAPIError reads a refusal. The body is used for its code and message only.
func newAPIError(resp *http.Response, clientRequestID string) *APIError {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefuse)) // half an explanation is better than none
	var answer struct {
		Error struct {
			Code       string `json:"code"`
			Message    string `json:"message"`
			InnerError struct {
				RequestID string `json:"request-id"`
			} `json:"innerError"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &answer) // HTML and the like have no code
	sent := sentToken(resp)
	e := &APIError{
		Status:          resp.StatusCode,
		Code:            clean(answer.Error.Code, sent),
		Message:         clean(answer.Error.Message, sent),
		RequestID:       requestID(resp),
		ClientRequestID: clientRequestID,
		RetryAfter:      retryAfter(resp.Header, time.Now()),
		again:           resp.StatusCode == http.StatusInternalServerError || resp.StatusCode == http.StatusBadGateway,
	}
	if e.RequestID == "" {
		e.RequestID = traceable(answer.Error.InnerError.RequestID, sent)
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		e.Message = "redirects are not followed"
	}
	return e
}

// throttles reports whether the whole tenant has to be held back.
//
// Source: https://learn.microsoft.com/graph/throttling, and errors for 504 and 509.
func (e *APIError) throttles() bool {
	switch e.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout, 509:
		return true
	}
	return false
}

// givenUp reports whether we stopped waiting, while the connection was fine for
// all we know.
func (e *APIError) givenUp() bool {
	return errors.Is(e.err, context.Canceled) || errors.Is(e.err, context.DeadlineExceeded)
}

func requestID(resp *http.Response) string {
	return traceable(resp.Header.Get("request-id"), sentToken(resp))
}

// sentToken is the token of the request that was answered, which a hostile
// answer could repeat.
func sentToken(resp *http.Response) string {
	if resp.Request == nil {
		return ""
	}
	return strings.TrimPrefix(resp.Request.Header.Get("Authorization"), "Bearer ")
}
