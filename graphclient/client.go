package graphclient

import (
	"errors"
	"fmt"
	"net/http"

	"go.uber.org/zap"
)

// Endpoint is one of Graph's ways to ask for presences.
type Endpoint string

// The endpoints of v1.0 that read presences.
//
// Source: https://learn.microsoft.com/graph/api/presence-get and
// https://learn.microsoft.com/graph/api/cloudcommunications-getpresencesbyuserid,
// read 2026-11-23.
const (
	EndpointBulk           Endpoint = "bulk"           // POST /communications/getPresencesByUserId
	EndpointUser           Endpoint = "user"           // GET /users/{id}/presence
	EndpointCommunications Endpoint = "communications" // GET /communications/presences/{id}
	EndpointMe             Endpoint = "me"             // GET /me/presence; delegated credentials only
)

// MaxIDs is how many ids Graph takes in one bulk request.
const MaxIDs = 650

// ChunkSize is how many users one request can ask for; 0 for an unknown endpoint.
func (e Endpoint) ChunkSize() int {
	switch e {
	case EndpointBulk:
		return MaxIDs
	case EndpointUser, EndpointCommunications, EndpointMe:
		return 1
	}
	return 0
}

// Fields switches on what is collected beside availability and activity. All of
// it is personal data.
type Fields struct {
	StatusMessage bool
	OutOfOffice   bool
	WorkLocation  bool
}

func (f Fields) any() bool { return f.StatusMessage || f.OutOfOffice || f.WorkLocation }

// Config is what a [Client] needs to know.
type Config struct {
	Tenant    string // the tenant's alias, for the log
	Cloud     Cloud
	Endpoint  Endpoint // empty: bulk
	Version   string   // of presenced, for the User-Agent
	Fields    Fields
	Transport http.RoundTripper // nil: NewTransport
	Random    func() float64    // in [0, 1), spreads waits; nil: math/rand's
}

// Client asks one tenant's Graph for presences. It is safe for concurrent use.
type Client struct {
	redacted
	graph    *graph
	endpoint Endpoint
	fields   Fields
	tokens   *Tokens
	budget   *Budget
	pause    *pause
	random   func() float64
	bad      *quarantine
	observer Observer
	log      *zap.Logger
}

// New refuses an incomplete configuration. The observer and the log may be nil.
func New(cfg Config, tokens *Tokens, budget *Budget, observer Observer, log *zap.Logger) (*Client, error) {
	if cfg.Endpoint == "" {
		cfg.Endpoint = EndpointBulk
	}
	if cfg.Endpoint.ChunkSize() == 0 {
		return nil, fmt.Errorf("graph client: endpoint %q is unknown, want bulk, user, communications or me", cfg.Endpoint)
	}
	if budget == nil {
		return nil, errors.New("graph client: no budget was passed in")
	}
	g, err := newGraph(cfg.Cloud, cfg.Version, tokens, cfg.Transport)
	if err != nil {
		return nil, fmt.Errorf("graph client: %w", err)
	}
	if observer == nil {
		observer = noObserver{}
	}
	if log == nil {
		log = zap.NewNop()
	}
	return &Client{
		graph: g, endpoint: cfg.Endpoint, fields: cfg.Fields, tokens: tokens, budget: budget,
		pause: newPause(cfg.Random), random: orGlobal(cfg.Random), bad: &quarantine{}, observer: observer,
		log: log.With(zap.String("tenant", cfg.Tenant)),
	}, nil
}

// ChunkSize is how many users one call of [Client.Presences] should ask for.
func (c *Client) ChunkSize() int { return c.endpoint.ChunkSize() }
