package graphsim

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
)

const (
	grantClient    = "client_credentials"
	grantRefresh   = "refresh_token"
	grantDevice    = "urn:ietf:params:oauth:grant-type:device_code"
	assertionType  = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	offlineAccess  = "offline_access"
	defaultScope   = "/.default"
	maxForm        = 1 << 18
	formMediaType  = "application/x-www-form-urlencoded"
	managementSite = "https://management.azure.com"
)

// tokenAnswer is the body of a token. For client credentials it never has a refresh token.
type tokenAnswer struct {
	TokenType    string `json:"token_type"`
	Scope        string `json:"scope,omitempty"`
	ExpiresIn    any    `json:"expires_in"`
	ExtExpiresIn any    `json:"ext_expires_in"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
}

// newLoginReply sets the headers that every answer of the token service has.
func (s *Server) newLoginReply(w http.ResponseWriter, r *http.Request) *reply {
	a := &reply{w: w, r: r, now: s.cfg.Now, requestID: uuid.NewString(), login: true}
	h := w.Header()
	h.Set("x-ms-request-id", a.requestID)
	h.Set("x-ms-ests-server", "2.1.0 - SIM ProdSlices")
	h.Set("Cache-Control", "no-store, no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("Date", s.cfg.Now().UTC().Format(http.TimeFormat))
	h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	return a
}

// serveLogin answers the token service.
func (s *Server) serveLogin(w http.ResponseWriter, r *http.Request, t target) {
	a := s.newLoginReply(w, r)
	form, no := readForm(a)
	tenant := s.tenantID(t.argument)
	fault := s.faults.take(t, r.URL.Path, tenant, nil)
	if fault != nil && fault.Kind == KindTokenError {
		if fault.RetryAfter != "" {
			w.Header().Set("Retry-After", fault.RetryAfter)
		}
		a.refuseToken(&tokenError{code: fault.Code})
		return
	}
	if s.instead(a, fault) {
		return
	}
	if no == nil && tenant == "" {
		no = &tokenError{code: 90002, text: fmt.Sprintf("Tenant '%s' not found. Check to make sure you have the correct tenant ID.", t.argument)}
	}
	if no != nil {
		a.refuseToken(no)
		return
	}
	s.answerLogin(a, fault, t, tenant, form)
}

// answerLogin serves a readable form in an existing tenant.
func (s *Server) answerLogin(a *reply, fault *Fault, t target, tenant string, form url.Values) {
	app, no := s.client(tenant, form)
	if no != nil {
		a.refuseToken(no)
		return
	}
	var body any
	if t.endpoint == EndpointDeviceCode {
		body, no = s.deviceCode(a, app, form)
	} else {
		body, no = s.grant(a, app, form)
	}
	switch {
	case no != nil && no.code == slowDownCode:
		a.slowDown()
	case no != nil:
		a.refuseToken(no)
	default:
		_ = s.deliver(a, fault, encode(body)) // the client may be gone; there is nobody to tell
	}
}

// readForm reads a form that was posted; credentials of HTTP Basic become fields.
func readForm(a *reply) (url.Values, *tokenError) {
	if a.r.Method != http.MethodPost {
		return nil, &tokenError{code: 900561, text: "The endpoint only accepts POST requests. Received a " + a.r.Method + " request."}
	}
	kind, _, err := mime.ParseMediaType(a.r.Header.Get("Content-Type"))
	if err != nil || kind != formMediaType {
		return nil, missing("grant_type")
	}
	a.r.Body = http.MaxBytesReader(a.w, a.r.Body, maxForm)
	if err := a.r.ParseForm(); err != nil {
		return nil, &tokenError{code: 90023, text: "The request body is not a valid form."}
	}
	form := a.r.PostForm
	id, secret, ok := a.r.BasicAuth()
	if !ok {
		return form, nil
	}
	// RFC 6749 wants both parts form-encoded.
	id, errID := url.QueryUnescape(id)
	secret, errSecret := url.QueryUnescape(secret)
	if errID != nil || errSecret != nil || form.Has("client_secret") || form.Has("client_id") && form.Get("client_id") != id {
		return nil, &tokenError{code: 90023, text: "The credentials in the header and in the body do not agree."}
	}
	form.Set("client_id", id)
	form.Set("client_secret", secret)
	return form, nil
}

func missing(field string) *tokenError {
	return &tokenError{code: 900144, text: "The request body must contain the following parameter: '" + field + "'."}
}

// tenantID returns the id for what a login path names: an id or a domain. Empty: no such tenant.
func (s *Server) tenantID(name string) string {
	for _, t := range s.cfg.Tenants {
		if strings.EqualFold(t.ID, name) || strings.EqualFold(t.Domain, name) {
			return t.ID
		}
	}
	return ""
}

// app returns a registration, nil if there is none.
func (s *Server) app(id appID) *TenantConfig {
	i := slices.IndexFunc(s.cfg.Tenants, func(t TenantConfig) bool { return t.ID == id.tenant && t.ClientID == id.client })
	if i < 0 {
		return nil
	}
	return &s.cfg.Tenants[i]
}

// client finds the app that a form names.
func (s *Server) client(tenant string, form url.Values) (*TenantConfig, *tokenError) {
	id := form.Get("client_id")
	if id == "" {
		return nil, missing("client_id")
	}
	app := s.app(appID{tenant, lowerGUID(id)})
	switch {
	case app == nil:
		return nil, &tokenError{code: 700016, text: fmt.Sprintf("Application with identifier '%s' was not found in the directory '%s'.", id, tenant)}
	case app.Disabled:
		return nil, &tokenError{code: 7000112, text: fmt.Sprintf("Application '%s' is disabled.", id)}
	}
	return app, nil
}

// grant issues what the grant type says.
func (s *Server) grant(a *reply, app *TenantConfig, form url.Values) (any, *tokenError) {
	cp1, no := declaresCP1(form.Get("claims"))
	if no != nil {
		return nil, no
	}
	switch grant := form.Get("grant_type"); grant {
	case "":
		return nil, missing("grant_type")
	case grantClient:
		return s.grantClient(a, app, form, cp1)
	case grantDevice:
		return s.grantDevice(a, app, form, cp1)
	case grantRefresh:
		return s.grantRefresh(a, app, form, cp1)
	default:
		return nil, &tokenError{code: 70003, text: "The app requested an unsupported grant type '" + grant + "'."}
	}
}

// grantClient is the client credentials flow.
func (s *Server) grantClient(a *reply, app *TenantConfig, form url.Values, cp1 bool) (any, *tokenError) {
	if no := s.authenticate(a, app, form); no != nil {
		return nil, no
	}
	audience, no := resource(form.Get("scope"), a.r)
	if no != nil {
		return nil, no
	}
	return s.answerToken(mint{app: appID{app.ID, app.ClientID}, roles: app.Roles, audience: audience, cp1: cp1}, "")
}

// answerToken issues an access token and writes it down.
func (s *Server) answerToken(m mint, refresh string) (any, *tokenError) {
	token, err := s.accessToken(m)
	if err != nil {
		return nil, &tokenError{code: 50033}
	}
	var seconds any = int(s.cfg.lifetime(m.cp1).Seconds())
	if s.cfg.Modes.ExpiresInText {
		seconds = fmt.Sprint(seconds)
	}
	return tokenAnswer{"Bearer", m.scope, seconds, seconds, token, refresh}, nil
}

// resource reads the scope of a client credentials request: one resource and /.default.
func resource(scope string, r *http.Request) (string, *tokenError) {
	if scope == "" {
		return "", missing("scope")
	}
	fields := strings.Fields(scope)
	name, ok := strings.CutSuffix(fields[0], defaultScope)
	switch {
	case len(fields) > 1 || !ok:
		return "", &tokenError{code: 70011, text: fmt.Sprintf("The provided value for the input parameter 'scope' is not valid. The scope %s is not valid.", scope)}
	case isGraphAudience(name, r):
		return name, nil
	case strings.TrimRight(name, "/") == managementSite:
		return name, nil // another resource every tenant has: the token is good, but not for Graph
	}
	return "", &tokenError{code: 500011, text: fmt.Sprintf("The resource principal named %s was not found in the tenant.", name)}
}

// declaresCP1 reads the claims parameter: whether the client says that it understands claims challenges.
func declaresCP1(claims string) (bool, *tokenError) {
	if claims == "" {
		return false, nil
	}
	var request struct {
		AccessToken map[string]*struct {
			Values []string `json:"values"`
		} `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(claims), &request); err != nil {
		return false, &tokenError{code: 90023, text: "The claims parameter is not valid JSON."}
	}
	capabilities := request.AccessToken["xms_cc"]
	return capabilities != nil && slices.Contains(capabilities.Values, "cp1"), nil
}
