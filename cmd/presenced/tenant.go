package main

import (
	"fmt"
	"slices"
	"sync/atomic"

	"go.uber.org/zap"

	"presenced/board"
	"presenced/configs"
	"presenced/graphclient"
	"presenced/presence"
	"presenced/publisher"
)

// graph is one tenant's side towards Microsoft.
type graph struct {
	tokens *graphclient.Tokens
	budget *graphclient.Budget
	client *graphclient.Client
	asked  *atomic.Pointer[error] // why it is not known yet who is watched; nil in it: that is known, or nobody asked
}

// trouble is what keeps us from knowing who is watched; nil: nothing that is known.
func (g graph) trouble() error {
	if err := g.asked.Load(); err != nil {
		return *err
	}
	return nil
}

func newGraph(t *configs.Tenant, in configs.Inputs, observer graphclient.Observer, log *zap.Logger) (graph, error) {
	cloud := cloudOf(t)
	tokens := graphclient.NewTokens(graphclient.TokensConfig{
		Cloud: cloud, TenantID: t.TenantID, ClientID: t.ClientID, Log: log.With(zap.String("tenant", t.Name)),
	}, credentialOf(t, in))
	budget, err := graphclient.NewBudget(graphclient.BudgetConfig{Requests: t.Rate.Requests, Per: t.Rate.Per, Share: t.Rate.Share, Boot: bootTime})
	if err != nil {
		return graph{}, fmt.Errorf("tenant %s: %w", t.Name, err)
	}
	client, err := graphclient.New(graphclient.Config{
		Tenant: t.Name, Cloud: cloud, Endpoint: graphclient.Endpoint(t.Endpoint), Version: thisBuild().Version,
		Fields: graphclient.Fields{
			StatusMessage: slices.Contains(t.Fields, "status_message"),
			OutOfOffice:   slices.Contains(t.Fields, "out_of_office"),
			WorkLocation:  slices.Contains(t.Fields, "work_location"),
		},
	}, tokens, budget, observer, log)
	if err != nil {
		return graph{}, fmt.Errorf("tenant %s: %w", t.Name, err)
	}
	return graph{tokens, budget, client, new(atomic.Pointer[error])}, nil
}

func cloudOf(t *configs.Tenant) graphclient.Cloud {
	return graphclient.Cloud{LoginURL: t.LoginURL, GraphURL: t.GraphURL}
}

func credentialOf(t *configs.Tenant, in configs.Inputs) graphclient.Credential {
	c := t.Credential
	switch c.Kind() {
	case configs.KindCertificate:
		return graphclient.Certificate{CertificateFile: c.CertificateFile, KeyFile: c.KeyFile}
	case configs.KindFederated:
		return graphclient.FederatedFile{Path: c.FederatedTokenFile}
	case configs.KindDeviceCode:
		return graphclient.DeviceCode{TokenFile: c.DeviceCode.TokenFile}
	}
	return graphclient.ClientSecret{Read: func() (string, error) {
		if c.SecretFile == "" {
			return c.Secret.Reveal(), nil
		}
		s, err := in.ReadSecret(c.SecretFile) // it may have been renewed
		return s.Reveal(), err
	}}
}

// requests counts one tenant's requests to Graph.
type requests struct {
	tenant  string
	metrics *board.Metrics
	log     *zap.Logger
}

func (r requests) Request(class string) { r.metrics.Request(r.tenant, class) }

// Answers leaves known, unknown and none to the worker, which counts them by sweep.
func (r requests) Answers(o graphclient.Outcome) {
	r.metrics.Answers(r.tenant, "refused", o.Refused)
	r.metrics.Answers(r.tenant, "unasked", o.Unasked)
	if o.NewWords > 0 {
		r.log.Debug("words that this version does not know were passed on", zap.String("tenant", r.tenant), zap.Int("count", o.NewWords))
	}
}

// watch shows what only this tenant's parts can tell.
func (g graph) watch(tenant string, metrics *board.Metrics) error {
	metrics.Tenant(tenant)
	return metrics.WatchBudget(tenant, g.budget.Used)
}

// observer is what a worker tells, as metrics.
type observer struct {
	*board.Metrics
	tokens *graphclient.Tokens
}

// Troubled counts writes in doubt apart.
func (o observer) Troubled(tenant string, err error) {
	o.Metrics.Troubled(tenant, err)
	if publisher.InDoubt(err) {
		o.Metrics.InDoubt(tenant)
	}
}

// Swept also looks at the token that the sweep used.
func (o observer) Swept(tenant string, s presence.Sweep) {
	o.Metrics.Swept(tenant, s)
	o.Metrics.TokenExpires(tenant, o.tokens.Expiry())
}
