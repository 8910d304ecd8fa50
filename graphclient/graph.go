package graphclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
)

// graph sends single requests to one Graph host and reads whole answers.
type graph struct {
	base  *url.URL
	trip  http.RoundTripper // a bearer: it adds the token
	agent string
}

func newGraph(cloud Cloud, version string, tokens *Tokens, transport http.RoundTripper) (*graph, error) {
	if err := cloud.Check(); err != nil {
		return nil, err
	}
	if tokens == nil {
		return nil, errors.New("no tokens were passed in")
	}
	base, err := parseBase(cloud.GraphURL)
	if err != nil {
		return nil, err
	}
	if transport == nil {
		transport = NewTransport()
	}
	if version == "" {
		version = "dev"
	}
	return &graph{
		base:  base,
		trip:  &bearer{home: origin(base), tokens: tokens, next: transport},
		agent: "presenced/" + version,
	}, nil
}

// url is a path of Graph; its segments are escaped here.
func (g *graph) url(segments ...string) *url.URL {
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return g.base.JoinPath(append([]string{"v1.0"}, segments...)...)
}

// call is a request as data: each attempt makes a new *http.Request from it,
// because a request's body is spent once it was sent.
type call struct {
	url      *url.URL
	payload  []byte // nil: GET, else POST
	eventual bool   // advanced queries of the directory need it
}

// reply is a whole answer with a status of 2xx.
type reply struct {
	body      []byte
	asked     time.Time // just before the request left
	at        time.Time // the body was complete
	requestID string
	clientID  string
	sent      hidden // the token, for cleaning; nil: none
}

// send makes one attempt. may is asked once more when there is a connection, and
// its error means that nothing was sent. Other errors are *APIError, or *TokenError
// when there was no token to send. It calls the transport directly: http.Client
// would follow redirects and put the URL, which may hold a user id, into its errors.
func (g *graph) send(ctx context.Context, c call, may func() error) (*reply, error) {
	ctx, cancel := context.WithTimeout(ctx, totalTimeout)
	defer cancel()
	ctx, done := onlyOnce(ctx, may)
	defer done()
	r := &reply{clientID: uuid.NewString()}
	req, err := g.request(ctx, c, r.clientID)
	if err != nil {
		return nil, err
	}
	r.asked = time.Now()
	resp, err := g.trip.RoundTrip(req)
	stopped := context.Cause(ctx)
	unpermitted := errors.Is(stopped, ErrUnpermitted)
	if unpermitted || errors.Is(stopped, errRepeated) {
		if err == nil {
			resp.Body.Close()
		}
		err = stopped
	}
	switch {
	case unpermitted:
		return nil, err
	case err != nil:
		return nil, noAnswer(err, g.base.Hostname(), r.clientID)
	}
	defer resp.Body.Close()
	r.requestID = requestID(resp)
	r.sent = hide(sentToken(resp))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, newAPIError(resp, r.clientID)
	}
	if said := resp.Header.Get("Content-Type"); said != "" && !isJSON(said) { // a page of something in between
		return nil, r.bad(resp.StatusCode, "the answer is not JSON but "+said)
	}
	r.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	r.at = time.Now()
	switch {
	case len(r.body) > maxBody:
		return nil, r.bad(resp.StatusCode, fmt.Sprintf("the answer is larger than %d MiB", maxBody>>20))
	case err != nil:
		words, cause := brokenBy(err)
		broken := r.bad(resp.StatusCode, "the answer broke off: "+words)
		broken.err, broken.again = cause, !isTimeout(err)
		return nil, broken
	}
	return r, nil
}

func (g *graph) request(ctx context.Context, c call, id string) (*http.Request, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if c.payload != nil {
		method, body = http.MethodPost, bytes.NewReader(c.payload)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url.String(), body)
	if err != nil {
		return nil, errors.New("make request: the URL cannot be used") // the cause would quote it
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", g.agent)
	req.Header.Set("client-request-id", id)
	if c.payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.eventual {
		req.Header.Set("ConsistencyLevel", "eventual")
	}
	return req, nil
}

// bad is an answer of which nothing can be used. The message may quote from it.
func (r *reply) bad(status int, message string) *APIError {
	if r.sent != nil {
		message = clean(message, r.sent())
	}
	return &APIError{Status: status, Message: message, RequestID: r.requestID, ClientRequestID: r.clientID}
}

func isJSON(contentType string) bool {
	media, _, _ := mime.ParseMediaType(contentType)
	return media == "application/json" || strings.HasSuffix(media, "+json")
}

func noAnswer(err error, host, clientID string) error {
	var token *TokenError
	if errors.As(err, &token) {
		return token
	}
	words, cause := brokenBy(err)
	return &APIError{Message: host + ": " + words, ClientRequestID: clientID, err: cause, again: !isTimeout(err)}
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.Canceled)
}
