package graphclient

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"presenced/presence"
)

// TokenError says why there is no token. Decide on Cause; the rest is for people.
// Nothing in it repeats a secret, nor the body of an answer.
//
// Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
type TokenError struct {
	Cause       presence.Cause // throttled, unauthorized (a person has to act) or unreachable
	Status      int            // HTTP status; 0: no answer, or the credential cannot be used
	Code        string         // OAuth's error, such as invalid_client
	Numbers     []int          // AADSTS numbers
	Description string         // Entra's words, cleaned, at most 200 characters
	TraceID     string         // for Microsoft's support
	RetryAfter  time.Duration  // how long Entra asks to wait, at most 15 min; 0: it does not say
	Advice      string         // what to do about it; may be empty

	err error
}

// Error implements error.
func (e *TokenError) Error() string {
	var b strings.Builder
	b.WriteString("get a token")
	if e.Status != 0 {
		fmt.Fprintf(&b, ": Entra answered %d", e.Status)
	}
	texts := []string{e.Code, e.Description}
	if e.err != nil && e.Description == "" {
		texts = append(texts, e.err.Error())
	}
	for _, text := range append(texts, e.Advice) {
		if text != "" {
			b.WriteString(": " + text)
		}
	}
	if e.TraceID != "" {
		b.WriteString(", trace id " + e.TraceID)
	}
	return b.String()
}

// Unwrap gives what broke, where it was not an answer.
func (e *TokenError) Unwrap() error { return e.err }

// newTokenError explains err, the outcome of a fetch in which the secrets given
// were sent.
func newTokenError(err error, secrets []string) *TokenError {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return refusedToken(refused, secrets)
	}
	var network *url.Error
	if errors.As(err, &network) {
		words, cause := brokenBy(network.Err)
		return &TokenError{Cause: presence.CauseUnreachable, Description: words, err: cause}
	}
	if strings.HasPrefix(err.Error(), "oauth2: ") { // an answer that x/oauth2 cannot read
		return &TokenError{Cause: presence.CauseUnreachable, Description: "the answer is not a token answer"}
	}
	return &TokenError{Cause: presence.CauseUnauthorized, err: err} // the credential itself
}

func refusedToken(refused *oauth2.RetrieveError, secrets []string) *TokenError {
	var answer struct { // x/oauth2 reads the first two only where Content-Type fits
		Code        string `json:"error"`
		Description string `json:"error_description"`
		Numbers     []int  `json:"error_codes"`
		TraceID     string `json:"trace_id"`
	}
	_ = json.Unmarshal(refused.Body, &answer) // HTML and the like have none of it
	code, description := cmp.Or(refused.ErrorCode, answer.Code), cmp.Or(refused.ErrorDescription, answer.Description)
	e := &TokenError{
		Status:      refused.Response.StatusCode,
		Code:        clean(code, secrets...),
		Numbers:     answer.Numbers[:min(len(answer.Numbers), 8)],
		Description: clean(aadsts(description), secrets...),
		TraceID:     traceable(answer.TraceID, secrets...),
		RetryAfter:  retryAfter(refused.Response.Header, time.Now()),
	}
	if len(e.Numbers) == 0 {
		e.Numbers = numbers(description)
	}
	e.Cause = e.classify()
	if e.Cause == presence.CauseUnauthorized {
		e.Advice = advice(e.Code, e.Numbers)
	}
	return e
}

// aadsts is the first line of Entra's description; the others repeat ids.
func aadsts(description string) string {
	line, _, _ := strings.Cut(description, "\r\n")
	line, _, _ = strings.Cut(line, " Trace ID:")
	return line
}

// numbers finds the number in a text that begins "AADSTS7000215: …".
func numbers(description string) []int {
	digits, ok := strings.CutPrefix(description, "AADSTS")
	if !ok {
		return nil
	}
	digits, _, _ = strings.Cut(digits, ":")
	n, err := strconv.Atoi(digits)
	if err != nil {
		return nil
	}
	return []int{n}
}

func (e *TokenError) has(numbers ...int) bool {
	return slices.ContainsFunc(e.Numbers, func(n int) bool { return slices.Contains(numbers, n) })
}

// loops reports Entra's complaint that we ask too often: minutes, not seconds.
func (e *TokenError) loops() bool { return e.has(50196, 90055) }

func (e *TokenError) classify() presence.Cause {
	switch {
	case e.loops(), e.Status == http.StatusTooManyRequests:
		return presence.CauseThrottled
	case e.Status >= 500, e.Code == "temporarily_unavailable", e.Code == "server_error",
		e.has(50033, 90006, 90012, 90024, 90033, 90090):
		return presence.CauseUnreachable
	case e.Code != "", e.Status == http.StatusBadRequest, e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden:
		return presence.CauseUnauthorized
	}
	return presence.CauseUnreachable // redirects, a wrong login host, HTML
}

// advice says what to do about a refusal. Microsoft warns that numbers change:
// they pick the words, never the decision.
func advice(code string, numbers []int) string {
	for _, n := range numbers {
		switch n {
		case 7000215:
			return "the client secret is wrong: use its value, not its id"
		case 7000222:
			return "the client secret has ended: create a new one in the app registration"
		case 7000218:
			return "the app expects a secret or an assertion; for device code allow public client flows"
		case 700027, 50012, 50013, 700030, 500133, 700024:
			return "the assertion was refused: is the certificate uploaded to this app, and the clock right?"
		case 700016:
			return "client_id is not known in this directory"
		case 90002:
			return "tenant_id is not known in this cloud"
		case 7000112, 70001:
			return "the app is disabled in this directory"
		case 70011, 28002, 700022, 500011:
			return "the scope was refused: does graph_url belong to this cloud?"
		case 90038, 900382, 900432:
			return "the directory is in another cloud: see cloud in the configuration"
		case 65001, 90094:
			return "an administrator has to grant consent to the app"
		case 53003, 530032, 50076, 50079:
			return "a Conditional Access policy asks for a person: exempt the account or use an app credential"
		case 50057, 50034:
			return "the account is disabled or gone: run presenced login with another one"
		case 50173, 700082, 70008, 70043, 700084:
			return "the sign-in has ended: run presenced login"
		}
	}
	switch code {
	case "invalid_grant":
		return "the sign-in has ended: run presenced login"
	case "invalid_client", "unauthorized_client":
		return "check client_id and the credential"
	}
	return ""
}
