package graphclient_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"presenced/graphclient"
	"presenced/graphsim"
	"presenced/presence"
)

// simulated is a tenant of the simulator with a client for it.
type simulated struct {
	sim       *graphsim.Server
	app       graphsim.TenantConfig
	cloud     graphclient.Cloud
	ids       []presence.UserID
	transport *http.Transport
}

// simulate serves a simulator over loopback.
func simulate(t *testing.T, cfg graphsim.Config) *simulated {
	t.Helper()
	s := newSimulated(t, cfg)
	web := httptest.NewServer(s.sim)
	t.Cleanup(web.Close)
	s.cloud = graphclient.Cloud{LoginURL: web.URL, GraphURL: web.URL}
	return s
}

// simulateInBubble serves a simulator without sockets, for fake time.
func simulateInBubble(t *testing.T, cfg graphsim.Config) *simulated {
	t.Helper()
	s := newSimulated(t, cfg)
	pipe := graphsim.NewPipe()
	web := &http.Server{Handler: s.sim, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = web.Serve(pipe)
	}()
	s.cloud = graphclient.Cloud{LoginURL: "http://127.0.0.1", GraphURL: "http://127.0.0.1"}
	s.transport.DialContext = pipe.Dial
	t.Cleanup(func() {
		s.transport.CloseIdleConnections()
		_ = web.Close()
		<-done
	})
	return s
}

func newSimulated(t *testing.T, cfg graphsim.Config) *simulated {
	t.Helper()
	cfg.Frozen = true
	sim, err := graphsim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &simulated{sim: sim, app: sim.Tenants()[0], transport: graphclient.NewTransport()}
	for _, id := range sim.UserIDs() {
		s.ids = append(s.ids, presence.UserID(id))
	}
	return s
}

func (s *simulated) tokens(cred graphclient.Credential) *graphclient.Tokens {
	return graphclient.NewTokens(graphclient.TokensConfig{
		Cloud: s.cloud, TenantID: s.app.ID, ClientID: s.app.ClientID, Transport: s.transport,
	}, cred)
}

func (s *simulated) client(t *testing.T, cred graphclient.Credential, endpoint graphclient.Endpoint) (*graphclient.Client, *tally) {
	t.Helper()
	b, _ := newBudget(t, 1500, true)
	return s.clientWithin(t, b, cred, endpoint)
}

func (s *simulated) clientWithin(t *testing.T, b *graphclient.Budget, cred graphclient.Credential, endpoint graphclient.Endpoint) (*graphclient.Client, *tally) {
	t.Helper()
	seen := &tally{classes: map[string]int{}}
	c, err := graphclient.New(graphclient.Config{
		Tenant: "sim", Cloud: s.cloud, Endpoint: endpoint, Transport: s.transport,
	}, s.tokens(cred), b, seen, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, seen
}

// check compares answers with what the simulator says that people are.
func (s *simulated) check(t *testing.T, answers []presence.Answer) {
	t.Helper()
	for _, a := range answers {
		truth, known := s.sim.Presence(string(a.User))
		if !known || presence.Canonical(truth.Availability) != a.Presence.Availability || presence.Canonical(truth.Activity) != a.Presence.Activity {
			t.Errorf("answer %+v, want %+v", a.Presence, truth)
		}
	}
}

func TestSimulatedCredentials(t *testing.T) {
	t.Parallel()
	key := rsaKey(t, 2048)
	p := makePair(t, key, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	block, _ := pem.Decode(p.cert)
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	outside, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": "https://cluster.test", "sub": "system:serviceaccount:ns:presenced", "aud": "api://AzureADTokenExchange",
		"exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(), "nbf": time.Now().Unix(),
	}).SignedString(issuer)
	if err != nil {
		t.Fatal(err)
	}
	s := simulate(t, graphsim.Config{Users: 5, Tenants: []graphsim.TenantConfig{{
		ClientSecret: secret, Certificate: leaf,
		Federated: []graphsim.Federated{{Issuer: "https://cluster.test", Subject: "system:serviceaccount:ns:presenced", Key: &issuer.PublicKey}},
	}}})
	for name, cred := range map[string]graphclient.Credential{
		"secret":      withSecret(secret),
		"certificate": graphclient.Certificate{CertificateFile: write(t, "app.pem", append(p.cert, p.key...), 0o600)},
		"federated":   graphclient.FederatedFile{Path: write(t, "token", []byte(outside+"\n"), 0o600)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := s.client(t, cred, "")
			answers, err := client.Presences(context.Background(), s.ids)
			if err != nil || len(answers) != 5 {
				t.Fatalf("Presences = %d answers, %v, want 5", len(answers), err)
			}
			s.check(t, answers)
			claims, err := graphclient.TokenClaims(mustToken(t, s.tokens(cred)))
			if err != nil || !strings.Contains(strings.Join(claims.Roles, " "), "Presence.Read.All") || claims.TenantID != s.app.ID || claims.AppID != s.app.ClientID {
				t.Errorf("claims = %+v, %v", claims, err)
			}
		})
	}
}

func TestSimulatedDeviceCode(t *testing.T) {
	t.Parallel()
	s := simulate(t, graphsim.Config{Users: 3, DeviceInterval: time.Second, Tenants: []graphsim.TenantConfig{{PublicClient: true}}})
	me := s.ids[1]
	cred := graphclient.DeviceCode{TokenFile: filepath.Join(t.TempDir(), "refresh")}
	cfg := graphclient.TokensConfig{Cloud: s.cloud, TenantID: s.app.ID, ClientID: s.app.ClientID}
	err := graphclient.DeviceLogin(t.Context(), cfg, cred, func(p graphclient.DevicePrompt) {
		if err := s.sim.ApproveDevice(p.Code, string(me)); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	client, _ := s.client(t, cred, graphclient.EndpointMe)
	answers, err := client.Presences(t.Context(), []presence.UserID{me})
	if err != nil || len(answers) != 1 || answers[0].User != me {
		t.Fatalf("Presences = %v, %v, want the person who signed in", answers, err)
	}
	s.check(t, answers)
}

func TestSimulatedModes(t *testing.T) {
	t.Parallel()
	for name, modes := range map[string]graphsim.Modes{
		"plain": {}, "camel case": {CamelCase: true}, "upper ids": {UpperIDs: true}, "null": {NullUnknown: true},
		"extra fields": {ExtraFields: true}, "government": {Government: true}, "pages": {BulkPage: 100}, "as list": {SingleAsList: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, graphsim.Config{Users: 650, Modes: modes})
			for _, endpoint := range []graphclient.Endpoint{graphclient.EndpointBulk, graphclient.EndpointUser, graphclient.EndpointCommunications} {
				client, seen := s.client(t, withSecret(s.app.ClientSecret), endpoint)
				ids := s.ids
				if client.ChunkSize() == 1 {
					ids = ids[:20]
				}
				answers, err := client.Presences(t.Context(), ids)
				if err != nil || len(answers) != len(ids) || seen.sum.Unasked != 0 {
					t.Errorf("%s: %d answers, %v, observed %+v, want %d", endpoint, len(answers), err, seen.sum, len(ids))
				}
				s.check(t, answers)
			}
		})
	}
}

func TestSimulatedDirectory(t *testing.T) {
	t.Parallel()
	s := simulate(t, graphsim.Config{Users: 1200, Modes: graphsim.Modes{EmptyPages: true}})
	d, err := graphclient.NewDirectory(graphclient.DirectoryConfig{Cloud: s.cloud}, s.tokens(withSecret(s.app.ClientSecret)), nil)
	if err != nil {
		t.Fatal(err)
	}
	people := s.sim.Users("")
	var names []string
	for _, u := range people[:10] {
		names = append(names, u.UserPrincipalName)
	}
	got, err := d.Resolve(t.Context(), append(names, "nobody@contoso.com"), []string{s.sim.GroupID(s.app.ID, graphsim.Everyone)})
	if err != nil || len(got.Users) != len(people) || len(got.Missing) != 1 {
		t.Errorf("Resolve = %d users, missing %v, %v, want %d and 1", len(got.Users), got.Missing, err, len(people))
	}
}
