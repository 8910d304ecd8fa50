package graphsim

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Server is a simulated Graph and its token service. It is an http.Handler and safe for concurrent use.
type Server struct {
	cfg      Config
	key      []byte        // signs access tokens
	serial   atomic.Uint64 // makes tokens unique
	counters counters

	people   *population
	served   *served
	limiter  *limiter
	faults   *faults
	pages    *pages
	sessions *sessions
	control  http.Handler
}

// New makes a simulation, which starts at once. The error says everything that is wrong with cfg.
func New(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("making a simulated tenant: %w", err)
	}
	people, err := newPopulation(cfg)
	if err != nil {
		return nil, fmt.Errorf("making a simulated tenant: %w", err)
	}
	s := &Server{
		cfg:      cfg,
		key:      []byte(derivedGUID(cfg.Seed, "signing key")),
		people:   people,
		served:   &served{runs: map[string][]Run{}},
		limiter:  newLimiter(cfg),
		faults:   newFaults(cfg),
		pages:    newPages(),
		sessions: newSessions(cfg),
	}
	s.control = s.newControl()
	return s, nil
}

// ServeHTTP answers one request: of the token service, of Graph, or of the control interface.
//
// The control interface takes and gives JSON. GET /_sim/served, /_sim/stats, /_sim/users, /_sim/faults and /_sim/clock
// read; POST /_sim/faults injects a [Fault], DELETE /_sim/faults ends all; POST /_sim/presence takes a [Step]; POST
// /_sim/clock takes {"frozen": true, "advance": "1h"}; POST /_sim/device takes {"user_code", "user", "decline"}; POST
// /_sim/revoke takes {"tenant"}. Durations are texts like "10s".
//
// A fault that breaks the connection where it cannot be taken over panics with [http.ErrAbortHandler], as net/http asks
// handlers to.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch t := route(r.URL); t.endpoint {
	case endpointControl:
		s.control.ServeHTTP(w, r)
	case EndpointToken, EndpointDeviceCode:
		s.counters.tokenRequests.Add(1)
		s.serveLogin(w, r, t)
	default:
		s.counters.requests.Add(1)
		s.serveGraph(s.newReply(w, r), t)
	}
}

// serveGraph checks what every Graph request has to pass: token, limit, permission, method. A presence request counts
// as soon as its token says whose it is, whatever comes of it.
func (s *Server) serveGraph(a *reply, t target) {
	who, attributed, no := s.bearer(a.r)
	wait := time.Duration(0)
	if attributed && t.endpoint.presence() {
		wait = s.limiter.arrive(who.app())
	}
	switch {
	case no != nil:
		s.counters.unauthorized.Add(1)
		a.refuse(no)
	case wait > 0:
		a.throttleFor(wait, s.cfg.Modes.RetryAfter)
	case t.endpoint == endpointNone:
		a.fail(http.StatusBadRequest, "BadRequest", "Resource not found for the segment '"+lastSegment(a.r)+"'.")
	default:
		s.serveEndpoint(a, t, who)
	}
}

func lastSegment(r *http.Request) string {
	return r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
}

func (s *Server) serveEndpoint(a *reply, t target, who accessClaims) {
	isPage := t.endpoint == EndpointBulk && a.r.Method == http.MethodGet && a.r.URL.Query().Has("$skiptoken")
	no := permit(who, t.endpoint, t.argument)
	switch {
	case a.r.Method != t.endpoint.method() && !isPage:
		a.w.Header().Set("Allow", t.endpoint.method())
		a.fail(http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
	case no != nil:
		a.refuse(no)
	case t.endpoint.presence() && a.r.URL.RawQuery != "" && !isPage:
		a.fail(http.StatusBadRequest, "BadRequest", "Query options are not supported for presence.")
	case t.endpoint == EndpointBulk:
		s.serveBulk(a, t, who)
	case t.endpoint == EndpointUserRecord:
		s.serveUserRecord(a, t, who)
	case t.endpoint == EndpointGroup:
		s.serveGroup(a, t, who)
	default:
		s.serveSingle(a, t, who)
	}
}

// throttle writes the body of a 429 as the documentation prints it.
func (a *reply) throttle() {
	if a.login {
		a.failLogin(http.StatusTooManyRequests, "There are too many requests.")
		return
	}
	a.failWith(http.StatusTooManyRequests, errorBody{"TooManyRequests", "Please retry again later.", innerError{
		Code: "429", Date: a.innerDate(), Message: "Please retry after", RequestID: a.requestID, Status: "429",
	}})
}

// throttleFor writes a 429 with the time to wait in some form.
func (a *reply) throttleFor(wait time.Duration, form RetryAfter) {
	h := a.w.Header()
	switch form {
	case RetryAfterFraction:
		h.Set("Retry-After", strconv.FormatFloat(math.Ceil(wait.Seconds()*1000)/1000, 'f', 3, 64))
	case RetryAfterDate:
		// Dates have whole seconds, so one more is needed not to be early.
		h.Set("Retry-After", a.now().Add(wait+time.Second).UTC().Format(http.TimeFormat))
	case RetryAfterSeconds:
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	a.throttle()
}
