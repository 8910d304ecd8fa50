package configs_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"presenced/configs"
)

var ignoreOrigins = cmpopts.IgnoreUnexported(configs.Config{})

func TestExampleIsTheDefaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "presenced.yaml")
	for name, text := range map[string]string{"presenced.yaml": configs.Example(), "client-secret.txt": "s3cr3t\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, warnings, err := configs.Load(path, inputs())
	if err != nil || len(warnings) > 0 {
		t.Fatalf("Load(example) = %v, %v, want neither", warnings, err)
	}
	want := configs.Default()
	one := configs.DefaultTenant()
	one.Name, one.TenantID, one.ClientID = "contoso", directory, app
	one.Credential = configs.Credential{SecretFile: filepath.Join(dir, "client-secret.txt"), Secret: configs.NewSecret("s3cr3t")}
	one.GraphURL, one.LoginURL = "https://graph.microsoft.com", "https://login.microsoftonline.com"
	one.Users.IDs = []string{anna}
	one.Roster = []string{anna}
	want.Tenants = []configs.Tenant{one}
	if diff := cmp.Diff(want, *got, ignoreOrigins, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("example differs from the defaults (-default +example):\n%s", diff)
	}
}

func TestShortestFileGetsTheDefaults(t *testing.T) {
	t.Parallel()
	got := parsed(t, tenant, inputs())
	want := configs.Default()
	one := configs.DefaultTenant()
	one.Name, one.TenantID, one.ClientID = "contoso", directory, app
	one.Credential.DeviceCode.TokenFile = "refresh-token"
	one.GraphURL, one.LoginURL = "https://graph.microsoft.com", "https://login.microsoftonline.com"
	one.Users.IDs, one.Roster = []string{anna}, []string{anna}
	want.Tenants = []configs.Tenant{one}
	if diff := cmp.Diff(want, *got, ignoreOrigins); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !got.UsesEmbedded() {
		t.Error("UsesEmbedded() = false without nats.url and nats.context")
	}
}

func TestEveryKeyIsRead(t *testing.T) {
	t.Parallel()
	got := parsed(t, `
nats: {url: "nats://10.0.0.1:4222, nats://10.0.0.2:4222", allow_plaintext: true, prefix: acme.presence, stream: {name: P2, history: 30m30s1h, replicas: 3, manage: verify}}
embedded: {store_dir: /var/lib/presenced, listen: "[::1]:0", durability: relaxed, max_store: 10GiB}
http: {listen: ":8080", allow_remote: true}
log: {level: debug, format: console}
tenants:
  - name: fabrikam-eu
    tenant_id: 7A3C2F10-52C4-4B7E-9D61-0F5E8C1B2A34
    client_id: `+app+`
    credential: {device_code: {token_file: /tmp/presenced-no-such-token}}
    cloud: {graph_url: "http://127.0.0.1:9000/", login_url: "https://Login.Example.com"}
    endpoint: communications
    rate: {requests: 100, per: 10s, share: 1}
    schedules: ["0,30 * * * *", "@every 1h"]
    unknown_after: 7
    fields: [work_location]
    users: {upns: [anna@contoso.com], groups: [`+bert+`], exclude: [`+carla+`]}
`, inputs())
	want := configs.Default()
	want.NATS.URL, want.NATS.AllowPlaintext, want.NATS.Prefix = "nats://10.0.0.1:4222, nats://10.0.0.2:4222", true, "acme.presence"
	want.NATS.Stream = configs.Stream{Name: "P2", History: 90*time.Minute + 30*time.Second, Replicas: 3, Manage: "verify"}
	want.Embedded = configs.Embedded{StoreDir: "/var/lib/presenced", Listen: "[::1]:0", Durability: "relaxed", MaxStore: 10 << 30}
	want.HTTP = configs.HTTP{Listen: ":8080", AllowRemote: true}
	want.Log = configs.Log{Level: "debug", Format: "console"}
	want.Tenants = []configs.Tenant{{
		Name: "fabrikam-eu", TenantID: directory, ClientID: app,
		Credential:   configs.Credential{DeviceCode: configs.DeviceCode{TokenFile: "/tmp/presenced-no-such-token"}},
		Cloud:        configs.Cloud{GraphURL: "http://127.0.0.1:9000/", LoginURL: "https://Login.Example.com"},
		Endpoint:     "communications",
		Rate:         configs.Rate{Requests: 100, Per: 10 * time.Second, Share: 1},
		Schedules:    []string{"0,30 * * * *", "@every 1h"},
		UnknownAfter: 7,
		Fields:       []string{"work_location"},
		Users:        configs.Users{UPNs: []string{"anna@contoso.com"}, Groups: []string{bert}, Exclude: []string{carla}},
		GraphURL:     "http://127.0.0.1:9000", LoginURL: "https://login.example.com",
	}}
	if diff := cmp.Diff(want, *got, ignoreOrigins, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.UsesEmbedded() {
		t.Error("UsesEmbedded() = true with nats.url")
	}
}

func TestClouds(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]string{
		"global":    {"https://graph.microsoft.com", "https://login.microsoftonline.com"},
		"usgov":     {"https://graph.microsoft.us", "https://login.microsoftonline.us"},
		"usgov-dod": {"https://dod-graph.microsoft.us", "https://login.microsoftonline.us"},
	} {
		one := parsed(t, tenant+"    cloud: "+name+"\n", inputs()).Tenants[0]
		if got := [2]string{one.GraphURL, one.LoginURL}; got != want {
			t.Errorf("cloud %s = %v, want %v", name, got, want)
		}
	}
}

func TestFieldsThatAGovernmentCloudLacks(t *testing.T) {
	t.Parallel()
	text := tenant + "    cloud: usgov\n    fields: [status_message, out_of_office]\n"
	_, warnings, err := configs.Parse("p.yaml", []byte(text), inputs())
	if err != nil || len(warnings) != 1 {
		t.Fatalf("Parse = %v, %v, want one warning", warnings, err)
	}
	wantParts(t, warnings[0].String(), "p.yaml:8:30: tenants[0].fields[1]: ", "out_of_office")
}

func TestCredentialKind(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		cred configs.Credential
		want string
	}{
		{configs.Credential{}, ""},
		{configs.Credential{SecretFile: "s"}, configs.KindSecret},
		{configs.Credential{Secret: configs.NewSecret("s")}, configs.KindSecret},
		{configs.Credential{CertificateFile: "c", KeyFile: "k"}, configs.KindCertificate},
		{configs.Credential{FederatedTokenFile: "f"}, configs.KindFederated},
		{configs.Credential{DeviceCode: configs.DeviceCode{TokenFile: "t"}}, configs.KindDeviceCode},
	} {
		if got := test.cred.Kind(); got != test.want {
			t.Errorf("Kind(%+v) = %q, want %q", test.cred, got, test.want)
		}
	}
}

func TestBudgetAndLeastInterval(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		endpoint string
		users    int
		requests int
		budget   int
		least    time.Duration
	}{
		{"nobody yet", "bulk", 0, 0, 1200, 0},
		{"one chunk", "bulk", 650, 1, 1200, time.Second},
		{"one more is two chunks", "bulk", 651, 2, 1200, time.Second},
		{"a million", "bulk", 1_000_000, 1539, 1200, 39 * time.Second}, // 1539 ÷ 1200 × 30 s = 38.475 s
		{"one by one", "user", 1200, 1200, 1200, 30 * time.Second},
		{"one by one, the other way", "communications", 1201, 1201, 1200, 31 * time.Second},
	} {
		one := configs.DefaultTenant()
		one.Endpoint, one.Roster = test.endpoint, slices.Repeat([]string{anna}, test.users)
		if got := one.Requests(); got != test.requests {
			t.Errorf("%s: Requests() = %d, want %d", test.name, got, test.requests)
		}
		if got := one.Rate.Budget(); got != test.budget {
			t.Errorf("%s: Budget() = %d, want %d", test.name, got, test.budget)
		}
		if got := one.LeastInterval(); got != test.least {
			t.Errorf("%s: LeastInterval() = %v, want %v", test.name, got, test.least)
		}
	}
}
