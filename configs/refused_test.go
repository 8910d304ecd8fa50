package configs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"presenced/configs"
	"presenced/worker"
)

// TestUnreadableFiles: whatever is wrong with the file itself is named, and the file with it.
func TestUnreadableFiles(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	text := file(t, "p.yaml", tenant, 0o600)
	for _, test := range []struct {
		name, path string
		want       string
		is         error
	}{
		{"missing", filepath.Join(t.TempDir(), "none.yaml"), "no such file", fs.ErrNotExist},
		{"directory", t.TempDir(), "a directory", syscall.EISDIR},
		{"pipe, which would block", pipe, "a device, pipe or socket", nil},
		{"below a file", text + "/p.yaml", "not a directory", syscall.ENOTDIR},
		{"2 GB", sparse(t, 2<<30), "more than 8 MiB", nil},
		{"UTF-16", file(t, "u.yaml", "\xff\xfel\x00o\x00g\x00", 0o600), "text in UTF-16", nil},
		{"binary", file(t, "b.yaml", "\x7fELF\x02\x01\x01\x00", 0o600), "binary data (the byte 0x7f)", nil},
		{"zero byte", file(t, "z.yaml", tenant+"\x00", 0o600), "p.yaml:7: got binary data (the byte 0x00)", nil},
		{"Latin-1", file(t, "l.yaml", tenant+"# caf\xe9\n", 0o600), "p.yaml:7: got bytes that are not UTF-8", nil},
		{"deep", file(t, "d.yaml", strings.Repeat("[", 1<<20), 0o600), "exceeded max depth", nil},
		{"control", file(t, "c.yaml", "log: \uffff", 0o600), "control characters", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg, _, err := configs.Load(test.path, inputs())
			got := oneProblem(t, cfg, err)
			want := strings.Replace(test.want, "p.yaml", test.path, 1)
			wantParts(t, got, test.path, want)
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("errors.Is(%v, %v) = false", err, test.is)
			}
		})
	}
}

func sparse(t *testing.T, size int64) string {
	t.Helper()
	path := file(t, "huge.yaml", "", 0o600)
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestForeignTextIsAccepted: a byte order mark and CRLF have one meaning; positions must not shift.
func TestForeignTextIsAccepted(t *testing.T) {
	t.Parallel()
	text := "\ufeff" + strings.ReplaceAll(tenant, "\n", "\r\n")
	_, warnings, err := configs.Parse("p.yaml", []byte(text), inputs())
	if err != nil || len(warnings) != 2 {
		t.Fatalf("Parse = %v, %v, want two warnings", warnings, err)
	}
	wantParts(t, warnings[0].String(), "p.yaml:1: ", "byte order mark")
	wantParts(t, warnings[1].String(), "p.yaml:1: ", "CRLF")
	got := refused(t, "\ufefflog: {level: loud}\r\n"+strings.ReplaceAll(tenant, "\n", "\r\n"), inputs())
	wantParts(t, got, `p.yaml:1:14: log.level: got "loud"`)
}

// refusal is one fault in an otherwise valid file, and a part of its line.
type refusal struct{ name, text, want string }

func checkRefusals(t *testing.T, tests []refusal) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := refused(t, test.text, inputs())
			if !strings.HasPrefix(got, "p.yaml:") {
				t.Errorf("got %s\nwant it to begin with the file", got)
			}
			wantParts(t, got, test.want)
			wantNone(t, got, "s3cr3t")
		})
	}
}

// TestRefusedServers and TestRefusedTenants hold what the files in testdata do not.
func TestRefusedServers(t *testing.T) {
	t.Parallel()
	checkRefusals(t, []refusal{
		{"prefix empty", tenant + "nats: {prefix: ''}\n", `nats.prefix: got ""`},
		{"prefix with space", tenant + "nats: {prefix: a b}\n", `nats.prefix: got "a b"`},
		{"prefix of the server", tenant + "nats: {prefix: $JS.x}\n", "which NATS keeps for itself"},
		{"prefix of the system", tenant + "nats: {prefix: $SYS}\n", "which NATS keeps for itself"},
		{"prefix of replies", tenant + "nats: {prefix: _inbox}\n", "which NATS keeps for itself"},
		{"prefix of ours", tenant + "nats: {prefix: presenced.x}\n", "our own bookkeeping"},
		{"prefix with an empty token", tenant + "nats: {prefix: a..b}\n", "1 to 8 names"},
		{"prefix of 256 tokens", tenant + "nats: {prefix: a" + strings.Repeat(".a", 255) + "}\n", "1 to 8 names"},
		{"plaintext", tenant + "nats: {url: 'nats://nats.example.com:4222'}\n", "nats.allow_plaintext: true"},
		{"plaintext in the second", tenant + "nats: {url: 'nats://127.0.0.1,ws://10.0.0.1'}\n", "ws://10.0.0.1"},
		{"no scheme", tenant + "nats: {url: 'localhost:4222'}\n", "write the scheme and the host"},
		{"host only", tenant + "nats: {url: localhost}\n", `got "localhost", want nats://host:port`},
		{"port", tenant + "nats: {url: 'nats://127.0.0.1:99999'}\n", "a port from 1 to 65535"},
		{"path", tenant + "nats: {url: 'nats://127.0.0.1/x'}\n", "a URL with a path"},
		{"context with a path", tenant + "nats: {context: ../x}\n", "the name of a context"},
		{"creds without server", tenant + "nats: {token_file: t}\n", "nats.token_file: got a way to log in without nats.url"},
		{"TLS without server", tenant + "nats: {tls: {server_name: a}}\n", "nats.tls: got TLS without nats.url"},
		{"replicas with embedded", tenant + "nats: {stream: {replicas: 3}}\n", "1, because the embedded server is alone"},
		{"stream of two words", tenant + "nats: {stream: {name: 'A B'}}\n", "1 to 32 letters"},
		{"long stream", tenant + "nats: {stream: {name: " + strings.Repeat("A", 33) + "}}\n", "1 to 32 letters"},
		{"endless history", tenant + "nats: {stream: {history: 87601h}}\n", "got 87601h, want 1h to 87600h"},
		{"public HTTP", tenant + "http: {listen: '0.0.0.0:8480'}\n", "or set http.allow_remote: true"},
		{"HTTP on all", tenant + "http: {listen: ':8480'}\n", "or set http.allow_remote: true"},
		{"loopback by look only", tenant + "http: {listen: '127.evil.example:1'}\n", "an IP address or localhost"},
		{"listen port", tenant + "http: {listen: '127.0.0.1:65536'}\n", "a port from 0 to 65535"},
		{"listen without port", tenant + "http: {listen: 127.0.0.1}\n", "write host:port"},
		{"one port for two", tenant + "http: {listen: '127.0.0.1:4222'}\n", "which embedded.listen has too"},
		{"public embedded", tenant + "embedded: {listen: ':4222'}\n", "set nats.url to an external server"},
		{"size", tenant + "embedded: {max_store: 10 GiB}\n", "without spaces"},
		{"negative size", tenant + "embedded: {max_store: -1GiB}\n", "the units are"},
		{"no space after the colon", tenant + "nats: {url:4222}\n", "nats: got an unknown key (not shown, it may be a secret)"},
		{"key and value in one", tenant + "nats: {prefix: p, url nats://127.0.0.1}\n", "write a colon and a space after url"},
		{"seed", tenant + "nats: {user_seed: s3cr3t}\n", "got <secret> written in the open, want nkey"},
		{"forged line", tenant + "log: {level: \"info\\nfatal\"}\n", `got "info\nfatal"`},
		{"forged key", tenant + "\"log\\nfatal\": 1\n", "p.yaml:7:1: got an unknown key (not shown, it may be a secret)"},
	})
}

func TestRefusedTenants(t *testing.T) {
	t.Parallel()
	checkRefusals(t, []refusal{
		{"tenants of other kind", "tenants: 5\n", "1:10: tenants: got a number, want a list"},
		{"half a cloud", tenant + "    cloud: {graph_url: 'https://graph.example.com'}\n", "7:12: tenants[0].cloud.login_url: got nothing"},
		{"open cloud", tenant + "    cloud: {graph_url: 'http://10.0.0.1', login_url: 'https://a.b'}\n", "a token must not travel in the open"},
		{"host that begins like loopback", tenant + "    cloud: {graph_url: 'http://localhost.evil.com', login_url: 'https://a.b'}\n", "a token must not travel in the open"},
		{"cloud with a path", tenant + "    cloud: {graph_url: 'https://a.b/v1.0', login_url: 'https://a.b'}\n", "remove the path"},
		{"cloud with another scheme", tenant + "    cloud: {graph_url: 'file:///etc/passwd', login_url: 'https://a.b'}\n", "want https://host"},
		{"cloud with a bad port", tenant + "    cloud: {graph_url: 'https://a.b:0', login_url: 'https://a.b'}\n", "the port is 1 to 65535"},
		{"empty schedules", tenant + "    schedules: []\n", "7:16: tenants[0].schedules: got nothing"},
		{"me with two users", edited(t, anna, anna+", "+bert) + "    endpoint: me\n", "got 2 users with endpoint me"},
		{"zeros", edited(t, directory, "00000000-0000-0000-0000-000000000000"), "a GUID of zeros"},
		{"template", edited(t, app, "${CLIENT_ID}"), "the text of a template"},
		{"domain", edited(t, directory, "contoso.onmicrosoft.com"), "a text that is no GUID"},
		{"long name", edited(t, "contoso", strings.Repeat("a", 33)), "1 to 32 of a-z"},
		{"name that is a subject", edited(t, "contoso", `"con.*.>"`), "1 to 32 of a-z"},
		{"nobody", edited(t, "ids: ["+anna+"]", ""), "6:12: tenants[0].users: got nothing"},
		{"a token file that is not one", edited(t, "refresh-token", "/"), "a directory"},
		{"a user in two tenants", twoTenants(anna, anna), "a user again (the first is at p.yaml:6:19)"},
		{"users of other kind", edited(t, "{ids: ["+anna+"]}", "everybody"), "tenants[0].users: got a text, want a section of keys"},
		{"too many tenants", "tenants: [" + strings.Repeat("{},", 1001) + "]", "1:10: tenants: got a list of 1001, want at most 1000 elements"},
		{"too many elements", edited(t, anna, strings.Repeat("x,", 250_001)), "tenants[0].users.ids: got a list of 250001"},
		{"passphrase", edited(t, "{device_code", "{passphrase: s3cr3t, device_code"), "got <secret> written in the open, want secret_file"},
		{"private key", edited(t, "{device_code", "{private_key: s3cr3t, device_code"), "got <secret> written in the open, want key_file"},
	})
}

func twoTenants(a, b string) string {
	second := strings.NewReplacer("tenants:\n", "", "contoso", "other", app, bert, anna, b).Replace(tenant)
	return strings.Replace(tenant, anna, a, 1) + strings.Replace(second, "ids: ["+anna, "ids: ["+b, 1)
}

// TestOverNetworks lists what would be refused without the word that allows it.
func TestOverNetworks(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"nats: {url: 'nats://nats:4222', allow_plaintext: true}\n",
		"nats: {url: 'tls://nats.example.com'}\n",
		"nats: {url: 'wss://nats.example.com:443,wss://other.example.com'}\n",
		"nats: {url: 'nats://nats.example.com', tls: {server_name: a.example.com}}\n",
		"nats: {url: 'nats://[::1]:4222'}\n",
		"nats: {context: prod, stream: {replicas: 5}}\n",
		"http: {listen: '0.0.0.0:8480', allow_remote: true}\n",
		"http: {listen: 'localhost:0'}\nembedded: {listen: 'localhost:0'}\n",
	} {
		parsed(t, tenant+text, inputs())
	}
}

// TestOneCopyInACluster: several servers, and the log on one of them.
func TestOneCopyInACluster(t *testing.T) {
	t.Parallel()
	const cluster = "nats: {url: 'tls://a.example.com,tls://b.example.com'"
	_, warnings, err := configs.Parse("p.yaml", []byte(tenant+cluster+"}\n"), inputs())
	if err != nil || len(warnings) != 1 {
		t.Fatalf("Parse = %v, %v, want one warning", warnings, err)
	}
	wantParts(t, warnings[0].String(), "p.yaml:7:7: nats.stream.replicas: ", "set 3")
	if _, warnings, err := configs.Parse("p.yaml", []byte(tenant+cluster+", stream: {replicas: 3}}\n"), inputs()); err != nil || len(warnings) > 0 {
		t.Errorf("with three: %v, %v", warnings, err)
	}
}

// TestIntervalTooShort: the least interval is computed from users, endpoint and budget, and held against when sweeps
// are really due, in whatever words.
func TestIntervalTooShort(t *testing.T) {
	t.Parallel()
	var ids strings.Builder
	for i := range 121 {
		fmt.Fprintf(&ids, "1c65d8ef-9d20-4e4b-b7f3-%012x\n", i)
	}
	users := file(t, "users.txt", ids.String(), 0o600)
	text := edited(t, "ids: ["+anna+"]", "files: ["+users+"]") + "    endpoint: user\n    rate: {requests: 150}\n"
	in := inputs()
	in.CheckSchedule = worker.CheckSpec
	in.ParseSchedules = func(specs []string) (configs.Timetable, error) { return worker.ParseSchedule(specs) }
	const because = ", want at least 31s, because 121 users take 121 requests and the budget is 120 in 30s"
	for schedules, want := range map[string]string{
		"'@every 31s'":                                 "",
		"'* * * * *'":                                  "",
		"'@hourly', '@daily'":                          "",
		"'0 0 29 2 *'":                                 "", // one in the horizon, or none
		"'0,40 * * * * *', '0 30 9 * * *'":             "[0]: got \"0,40 * * * * *\", with sweeps 20s apart",
		"'@every 30s'":                                 "[0]: got \"@every 30s\", with sweeps 30s apart",
		"'*/1 * * * * *'":                              "[0]: got \"*/1 * * * * *\", with sweeps 1s apart",
		"'CRON_TZ=Europe/Berlin */30 * * * * *'":       "[0]: got \"CRON_TZ=Europe/Berlin */30 * * * * *\", with sweeps 30s apart",
		"'@every 5m', '0,1 0 8 * * MON'":               "[1]: got \"0,1 0 8 * * MON\", with sweeps 1s apart",
		"'@every 40s', '20 0 9 * * *'":                 "", // whether they meet depends on the start
		"'59 8 * * *', '@every 31s', '20 0 9 * * MON'": "",
		"'40 59 8 * * FRI', '* * * * *'":               ": got schedules that together have sweeps 20s apart",
		"'* * * * *', '20 0 9 * * *'":                  ": got schedules that together have sweeps 20s apart",
	} {
		t.Run(schedules, func(t *testing.T) {
			t.Parallel()
			text := text + "    schedules: [" + schedules + "]\n"
			if want == "" {
				parsed(t, text, in)
				return
			}
			wantParts(t, refused(t, text, in), "p.yaml:9:", "tenants[0].schedules"+want+because)
		})
	}
	parsed(t, text+"    schedules: ['*/1 * * * * *']\n", inputs()) // nobody there who can tell
}

func TestManyProblemsAreCounted(t *testing.T) {
	t.Parallel()
	_, _, err := configs.Parse("p.yaml", []byte(edited(t, anna, strings.Repeat("x,", 250)+"y")), inputs())
	var all *configs.Errors
	if !errors.As(err, &all) {
		t.Fatalf("got error %v, want *configs.Errors", err)
	}
	if len(all.Problems) != 251 {
		t.Fatalf("got %d problems, want 251", len(all.Problems))
	}
	text := strings.Split(err.Error(), "\n")
	if len(text) != 101 || text[100] != "and 151 more; mend these first" {
		t.Errorf("got %d lines, the last %q", len(text), text[len(text)-1])
	}
}

// TestMisspeltIsNotMissing: a misspelt key is one fault, not two.
func TestMisspeltIsNotMissing(t *testing.T) {
	t.Parallel()
	wantParts(t, refused(t, edited(t, "tenant_id", "tenantID"), inputs()), `p.yaml:3:5: tenants[0].tenantID: `, `did you mean "tenant_id"?`)
	wantParts(t, refused(t, strings.Replace(tenant, "tenants", "Tenants", 1), inputs()), `did you mean "tenants"?`)
	wantParts(t, refused(t, edited(t, "device_code: {token_file: refresh-token}", "client-secret-file: x"), inputs()), `did you mean "secret_file"?`)
}

// TestHostileName: a file's name cannot forge a second line.
func TestHostileName(t *testing.T) {
	t.Parallel()
	_, _, err := configs.Parse("p\n\x1b[2J\u202e.yaml", nil, inputs())
	if err == nil {
		t.Fatal("Parse = no error")
	}
	wantParts(t, err.Error(), "p??[2J?.yaml: tenants: got nothing")
}
