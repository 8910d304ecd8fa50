package configs_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"presenced/configs"
)

func with(environ ...string) configs.Inputs {
	in := inputs()
	in.Environ = environ
	return in
}

func settings(cfg *configs.Config) map[string]configs.Setting {
	all := map[string]configs.Setting{}
	for _, s := range cfg.Settings() {
		all[s.Key] = s
	}
	return all
}

// TestPrecedence adds one stronger source after the other; each must win, and say so.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	in := inputs()
	check := func(text, want, origin string) {
		t.Helper()
		cfg := parsed(t, text, in)
		if diff := cmp.Diff(configs.Setting{Key: "nats.url", Value: want, Origin: origin}, settings(cfg)["nats.url"]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if cfg.NATS.URL != want {
			t.Errorf("NATS.URL = %q, want %q", cfg.NATS.URL, want)
		}
	}
	check(tenant, "", "default")
	inFile := tenant + "nats: {url: 'nats://127.0.0.1:1'}\n"
	check(inFile, "nats://127.0.0.1:1", "p.yaml:7:13")
	in.Environ = []string{"NATS_URL=nats://127.0.0.1:2"}
	check(inFile, "nats://127.0.0.1:2", "NATS_URL")
	in.Environ = append(in.Environ, "PRESENCED_NATS_URL=nats://127.0.0.1:3")
	check(inFile, "nats://127.0.0.1:3", "PRESENCED_NATS_URL")
	in.Overrides = []configs.Override{{Key: "nats.url", Value: "nats://127.0.0.1:4", Origin: "--nats-url"}}
	check(inFile, "nats://127.0.0.1:4", "--nats-url")
	in.Environ, in.Overrides = []string{"NATS_URL=", "PRESENCED_NATS_URL="}, nil
	check(inFile, "nats://127.0.0.1:1", "p.yaml:7:13") // empty is not set
}

func TestVariablesOfEveryKind(t *testing.T) {
	t.Parallel()
	cfg := parsed(t, tenant, with(
		"PRESENCED_NATS_STREAM_HISTORY=24h", "PRESENCED_HTTP_ALLOW_REMOTE=true", "PRESENCED_HTTP_LISTEN=:1",
		"PRESENCED_EMBEDDED_MAX_STORE=1GiB", "PRESENCED_LOG_LEVEL=warn",
		"PRESENCED_TENANT_RATE_SHARE=0.5", "PRESENCED_TENANT_UNKNOWN_AFTER=9", "PRESENCED_TENANT_CLOUD=usgov-dod",
		"PRESENCED_TENANT_SCHEDULES=0,30 * * * *\n@every 1h", "PRESENCED_TENANT_USERS_IDS="+bert+", "+anna,
		"UNRELATED=x", "PRESENCED_PORT_8480_TCP=tcp://10.0.0.1:8480", "PRESENCED_SERVICE_HOST=10.0.0.1",
	))
	one := cfg.Tenants[0]
	got := []any{cfg.NATS.Stream.History.Hours(), cfg.HTTP.AllowRemote, cfg.Embedded.MaxStore.String(), cfg.Log.Level,
		one.Rate.Share, one.UnknownAfter, one.GraphURL, one.Schedules, one.Roster}
	want := []any{24.0, true, "1GiB", "warn",
		0.5, 9, "https://dod-graph.microsoft.us", []string{"0,30 * * * *", "@every 1h"}, []string{anna, bert}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestEveryScalarHasAVariable: a key added later is reachable without a line of code.
func TestEveryScalarHasAVariable(t *testing.T) {
	t.Parallel()
	in := inputs()
	for _, s := range parsed(t, tenant, inputs()).Settings() {
		name := strings.ToUpper(strings.NewReplacer("tenants[0]", "TENANT", ".", "_").Replace(s.Key))
		in.Environ = append(in.Environ, "PRESENCED_"+name+"=\x01")
	}
	_, warnings, err := configs.Parse("p.yaml", []byte(tenant), in)
	if err == nil || len(warnings) > 0 {
		t.Fatalf("got %v, %v, want errors only", warnings, err)
	}
	wantParts(t, err.Error(), "PRESENCED_NATS_STREAM_NAME: nats.stream.name: ", "PRESENCED_TENANT_RATE_PER: tenants[0].rate.per: ",
		"PRESENCED_LOG_FORMAT: log.format: ", "PRESENCED_EMBEDDED_LISTEN: embedded.listen: ", "PRESENCED_TENANT_USERS_FILES: tenants[0].users.files[0]: ")
}

// TestNoFile describes a tenant by variables alone, as a container may.
func TestNoFile(t *testing.T) {
	t.Parallel()
	users := file(t, "users.txt", anna+"\n", 0o600)
	in := with("AZURE_TENANT_ID="+directory, "AZURE_CLIENT_ID="+app, "AZURE_CLIENT_SECRET="+hush, "PRESENCED_TENANT_USERS_FILES="+users,
		"AZURE_AUTHORITY_HOST=https://login.microsoftonline.com/")
	cfg, warnings, err := configs.Load("", in)
	if err != nil {
		t.Fatal(err)
	}
	one := cfg.Tenants[0]
	if one.Name != "default" || one.Credential.Secret.Reveal() != hush || !slices.Equal(one.Roster, []string{anna}) {
		t.Errorf("got %+v", one)
	}
	if len(warnings) != 1 {
		t.Fatalf("got %v, want one warning", warnings)
	}
	wantParts(t, warnings[0].String(), "AZURE_CLIENT_SECRET: tenants[0].credential.secret: a secret in a variable")
	wantNone(t, warnings[0].String(), hush)
	if got := settings(cfg)["tenants[0].credential.secret"]; got.Value != "<secret>" || got.Origin != "AZURE_CLIENT_SECRET" {
		t.Errorf("setting = %+v", got)
	}

	empty, _, err := configs.Load("", inputs())
	wantParts(t, oneProblem(t, empty, err), "configuration: tenants: got nothing, want at least one tenant")
}

func TestNoTenantWithAList(t *testing.T) {
	t.Parallel()
	got := refused(t, "tenants: []\n", inputs())
	wantParts(t, got, "p.yaml:1:10: tenants: got nothing")
}

// TestWorkloadIdentity: the variables that the webhook puts into a pod are enough for who we are.
func TestWorkloadIdentity(t *testing.T) {
	t.Parallel()
	token := file(t, "azure-identity-token", "eyJ0.eyJq.c2ln", 0o600)
	cfg := parsed(t, "tenants: [{name: contoso, users: {ids: ["+anna+"]}}]\n", with(
		"AZURE_TENANT_ID="+directory, "AZURE_CLIENT_ID="+app, "AZURE_FEDERATED_TOKEN_FILE="+token,
		"AZURE_AUTHORITY_HOST=https://login.microsoftonline.com/"))
	if one := cfg.Tenants[0]; one.Credential.FederatedTokenFile != token || one.TenantID != directory || one.Cloud.Name != "global" {
		t.Errorf("got %+v", one)
	}
}

func TestCombinedCertificate(t *testing.T) {
	t.Parallel()
	certificate, private := pair(t, rsaKey(t, 2048), -1, year)
	both := file(t, "both.pem", certificate+private, 0o600)
	cfg := parsed(t, edited(t, "    credential: {device_code: {token_file: refresh-token}}\n", ""), with("AZURE_CLIENT_CERTIFICATE_PATH="+both))
	if cred := cfg.Tenants[0].Credential; cred.CertificateFile != both || cred.KeyFile != both {
		t.Errorf("got %+v, want both paths", cred)
	}
}

func TestAuthorityHost(t *testing.T) {
	t.Parallel()
	gov := with("AZURE_AUTHORITY_HOST=https://login.microsoftonline.us/")
	for _, test := range []struct{ name, cloud, graph, login string }{
		{"chooses the cloud", "", "https://graph.microsoft.us", "https://login.microsoftonline.us"},
		{"fits the cloud", "    cloud: usgov-dod\n", "https://dod-graph.microsoft.us", "https://login.microsoftonline.us"},
		{"beats the address", "    cloud: {graph_url: 'https://a.b', login_url: 'https://c.d'}\n", "https://a.b", "https://login.microsoftonline.us"},
	} {
		one := parsed(t, tenant+test.cloud, gov).Tenants[0]
		if one.GraphURL != test.graph || one.LoginURL != test.login {
			t.Errorf("%s: got %s, %s, want %s, %s", test.name, one.GraphURL, one.LoginURL, test.graph, test.login)
		}
	}
	got := refused(t, tenant+"    cloud: global\n", gov)
	wantParts(t, got, `p.yaml:7:12: tenants[0].cloud: got the cloud global, while AZURE_AUTHORITY_HOST is "https://login.microsoftonline.us"`)
	got = refused(t, tenant, with("AZURE_AUTHORITY_HOST=https://anna:hunter2@login.evil.com"))
	wantParts(t, got, "got the cloud global, while AZURE_AUTHORITY_HOST is")
	wantNone(t, got, "anna:", "hunter2")
}

func TestAmbiguousSecrets(t *testing.T) {
	t.Parallel()
	secretFile := withSecret(t, file(t, "s", hush, 0o600))
	nats := tenant + "nats: {url: 'nats://127.0.0.1', user: anna, password_file: '" + file(t, "p", hush, 0o600) + "'}\n"
	for _, test := range []struct {
		name, text string
		in         configs.Inputs
		want       string
	}{
		{"secret file and variable", secretFile, with("AZURE_CLIENT_SECRET=other"), "secret_file: got a file beside the variable AZURE_CLIENT_SECRET"},
		{"password file and variable", nats, with("NATS_PASSWORD=other"), "nats.password_file: got a file beside the variable NATS_PASSWORD"},
		{"user and token", nats, with("NATS_TOKEN=other"), "NATS_TOKEN: nats.token: got a second way to log in (nats.user is set at p.yaml:7:"},
		{"two credentials in variables", edited(t, "    credential: {device_code: {token_file: refresh-token}}\n", ""), with("AZURE_CLIENT_SECRET=other", "AZURE_FEDERATED_TOKEN_FILE="+file(t, "f", "x", 0o600)), "AZURE_FEDERATED_TOKEN_FILE: tenants[0].credential.federated_token_file: got a second credential (the first is set at AZURE_CLIENT_SECRET)"},
		{"file and variable of other kinds", tenant, with("AZURE_CLIENT_SECRET=other"), "device_code.token_file: got a second credential (the first is set at AZURE_CLIENT_SECRET)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := refused(t, test.text, test.in)
			wantParts(t, got, test.want)
			wantNone(t, got, hush, "other\"")
		})
	}
}

func TestURLAgainstContext(t *testing.T) {
	t.Parallel()
	text := tenant + "nats: {context: prod}\n"
	in := inputs()
	in.Overrides = []configs.Override{{Key: "nats.url", Value: "nats://127.0.0.1", Origin: "--nats-url"}}
	if cfg := parsed(t, text, in); cfg.NATS.Context != "" || cfg.NATS.URL != "nats://127.0.0.1" {
		t.Errorf("a flag beside a context in the file gave %+v", cfg.NATS)
	}
	if cfg := parsed(t, tenant+"nats: {url: 'nats://127.0.0.1'}\n", with("NATS_CONTEXT=prod")); cfg.NATS.Context != "prod" || cfg.NATS.URL != "" {
		t.Errorf("a variable beside a URL in the file gave %+v", cfg.NATS)
	}
	got := refused(t, tenant, with("NATS_CONTEXT=prod", "NATS_URL=nats://127.0.0.1"))
	wantParts(t, got, "NATS_CONTEXT: nats.context: got a context beside nats.url (NATS_URL)")
}

func TestBadVariablesAndFlags(t *testing.T) {
	t.Parallel()
	flag := func(key, value string) configs.Inputs {
		in := inputs()
		in.Overrides = []configs.Override{{Key: key, Value: value, Origin: "--set"}}
		return in
	}
	for _, test := range []struct {
		name string
		in   configs.Inputs
		want string
	}{
		{"word for a number", with("PRESENCED_NATS_STREAM_REPLICAS=many"), `PRESENCED_NATS_STREAM_REPLICAS: nats.stream.replicas: got "many", want a whole number`},
		{"number without unit", with("PRESENCED_NATS_STREAM_HISTORY=720"), "add a unit: 720s"},
		{"yes", with("PRESENCED_HTTP_ALLOW_REMOTE=yes"), `got "yes", want true or false`},
		{"bad URL", with("NATS_URL=nats://anna:hunter2@nats"), "NATS_URL: nats.url: got a URL with credentials"},
		{"bad id", with("AZURE_CLIENT_ID=hunter2"), "AZURE_CLIENT_ID: tenants[0].client_id: got a text that is no GUID"},
		{"list", with("PRESENCED_TENANT_USERS_IDS=" + anna + ",x"), "PRESENCED_TENANT_USERS_IDS: tenants[0].users.ids[1]: got a text of 1 characters"},
		{"misspelt flag", flag("nats.ulr", "x"), `--set: nats.ulr: got an unknown key, want a key of the configuration; did you mean "nats.url"?`},
		{"no such tenant", flag("tenants[1].name", "x"), "--set: tenants[1].name: got an unknown key"},
		{"below a value", flag("nats.url.host", "x"), "got an unknown key"},
		{"not a list", flag("nats[0]", "x"), "got an unknown key"},
		{"no number", flag("tenants[x].name", "x"), "got an unknown key"},
		{"section", flag("nats", "x"), "--set: nats: got a text, want a section of keys"},
		{"secret in a flag", flag("nats.password", "hunter2"), "--set: nats.password: got <secret> on the command line"},
		{"empty key", flag("", "x"), "got an unknown key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := refused(t, tenant, test.in)
			wantParts(t, got, test.want)
			wantNone(t, got, "hunter2")
		})
	}
}

func TestVariablesThatAreIgnored(t *testing.T) {
	t.Parallel()
	_, warnings, err := configs.Parse("p.yaml", []byte(twoTenants(anna, bert)), with("AZURE_CLIENT_SECRET="+hush, "AZURE_CLIENT_ID="+carla, "PRESENCED_LOG_LEVLE=debug"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, w := range warnings {
		lines = append(lines, w.String())
	}
	slices.Sort(lines)
	want := []string{
		"AZURE_CLIENT_ID: ignored, because the file has 2 tenants; unset it, or write the value in the file",
		"AZURE_CLIENT_SECRET: ignored, because the file has 2 tenants; unset it, or write the value in the file",
		"PRESENCED_LOG_LEVLE: no such variable; did you mean PRESENCED_LOG_LEVEL?",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSecretVariablesAreListed(t *testing.T) {
	t.Parallel()
	for _, name := range configs.SecretVariables() {
		in := with(name+"="+hush, "NATS_USER=anna", "NATS_URL=nats://127.0.0.1")
		_, warnings, _ := configs.Parse("p.yaml", []byte(tenant), in)
		if !slices.ContainsFunc(warnings, func(w configs.Warning) bool { return w.File == name }) {
			t.Errorf("%s is listed, but Parse does not warn of it", name)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	got := settings(parsed(t, tenant+"    cloud: usgov\n", with("PRESENCED_LOG_LEVEL=debug")))
	for _, want := range []configs.Setting{
		{Key: "nats.stream.history", Value: "720h", Origin: "default"},
		{Key: "nats.stream.replicas", Value: "1", Origin: "default"},
		{Key: "embedded.max_store", Value: "", Origin: "default"},
		{Key: "log.level", Value: "debug", Origin: "PRESENCED_LOG_LEVEL"},
		{Key: "tenants[0].name", Value: "contoso", Origin: "p.yaml:2:11"},
		{Key: "tenants[0].cloud", Value: "usgov", Origin: "p.yaml:7:12"},
		{Key: "tenants[0].rate.per", Value: "30s", Origin: "default"},
		{Key: "tenants[0].schedules", Value: "[@every 15s]", Origin: "default"},
		{Key: "tenants[0].users.ids", Value: "[1 in all]", Origin: "p.yaml:6:18"},
		{Key: "tenants[0].credential.device_code.token_file", Value: "refresh-token", Origin: "p.yaml:5:44"},
	} {
		if diff := cmp.Diff(want, got[want.Key]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
