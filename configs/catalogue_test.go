package configs_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"presenced/configs"
	"presenced/worker"
)

// TestCatalogue: every kind of bad input gets one clear line: where, what was found, what is wanted, how to mend it.
// Files that cannot be read, secrets in files and certificates have tests of their own.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	in := inputs()
	in.CheckSchedule = worker.CheckSpec
	in.ParseSchedules = func(specs []string) (configs.Timetable, error) { return worker.ParseSchedule(specs) }
	at := func(lines string) string { return tenant + "    " + lines + "\n" }
	users := func(list string) string { return edited(t, anna, list) }
	for name, texts := range map[string][]string{
		"key":      {tenant + "unknown: 1\n", tenant + "log: {levle: info}\n", tenant + "Log: {level: info}\n", tenant + "log: {level: info}\nlog: {level: info}\n", tenant + "log: {level: info, level: debug}\n", at("rate: {sahre: 1}"), tenant + "? [a]\n: b\n", tenant + "1: 2\n"},
		"type":     {at(`unknown_after: "10"`), at("unknown_after: 1.5"), at("unknown_after: yes"), at("unknown_after: null"), at("unknown_after:"), at("unknown_after: ''"), at("unknown_after: [1]"), at("unknown_after: {a: 1}"), at("unknown_after: 2026-11-28"), at("endpoint: 5"), at("endpoint: true"), at("endpoint: null"), at("rate: 5"), at("rate: []"), at("rate:"), at("schedules: '@every 15s'"), at("schedules: [[a]]"), at("schedules: [null]"), tenant + "http: {allow_remote: 'true'}\n", tenant + "http: {allow_remote: yes}\n", tenant + "http: {allow_remote: 1}\n", tenant + "nats: text\n", "tenants: text\n", "tenants: {a: b}\n", "tenants: [text]\n", "text\n", "[]\n", "5\n"},
		"number":   {at("unknown_after: -1"), at("unknown_after: 0"), at("unknown_after: 1001"), at("unknown_after: 99999999999999999999"), at("unknown_after: 010"), at("unknown_after: 0x10"), at("unknown_after: 1_000"), at("unknown_after: 1e3"), at("rate: {share: .nan}"), at("rate: {share: .inf}"), at("rate: {share: 1e99}"), at("rate: {share: 1e999}"), at("rate: {share: -0.5}"), at("rate: {share: 0}"), at("rate: {share: 1.01}"), at(`rate: {share: "0.8"}`), at("rate: {requests: 0}"), at("rate: {requests: -1500}"), at("rate: {requests: 1501}"), at("rate: {requests: 1e3}"), at("rate: {requests: 1, share: 0.5}")},
		"duration": {at("rate: {per: 30}"), at("rate: {per: '30'}"), at("rate: {per: 1d}"), at("rate: {per: -5s}"), at("rate: {per: 0s}"), at("rate: {per: 30 s}"), at("rate: {per: ''}"), at("rate: {per: 9999999h}"), at("rate: {per: 99999999999h}"), at("rate: {per: 2h}"), at("rate: {per: 1s}"), at("rate: {per: 15s}"), tenant + "nats: {stream: {history: 30d}}\n", tenant + "nats: {stream: {history: 0s}}\n", tenant + "nats: {stream: {history: 1m}}\n"},
		"schedule": {at("schedules: ['@every 0s']"), at("schedules: ['@every -5s']"), at("schedules: ['@every 25h']"), at("schedules: ['@every 1d']"), at("schedules: ['@every 10']"), at("schedules: ['@every 1.5s']"), at("schedules: ['@EVERY 10s']"), at("schedules: ['TZ=UTC']"), at("schedules: ['CRON_TZ=Europe/Berlin']"), at("schedules: ['CRON_TZ=Nowhere/Land * * * * *']"), at("schedules: ['* * * *']"), at("schedules: ['* * * * * * *']"), at("schedules: ['0 0 30 2 *']"), at("schedules: ['*/90 * * * *']"), at("schedules: ['61 * * * *']"), at("schedules: ['* * * * 7']"), at("schedules: ['']"), at("schedules: [' ']"), at("schedules: []"), at("schedules: ['@every 15s', '@every 15s']"), at("schedules: ['s3cr3t~s3cr3t~s3cr3t~s3cr3t~s3cr3t']"), at("schedules: ['@reboot']")},
		"tenant":   {edited(t, directory, "common"), edited(t, directory, "organizations"), edited(t, directory, "consumers"), edited(t, directory, "Common"), edited(t, directory, "<tenant-id>"), edited(t, directory, "contoso.onmicrosoft.com"), edited(t, directory, "''"), edited(t, directory, "7a3c2f10-52c4-4b7e-9d61"), edited(t, app, "{client-id}"), edited(t, app, "s3cr3t~value"), edited(t, "tenant_id: "+directory, "cloud: global"), edited(t, "name: contoso", "name: Contoso"), edited(t, "name: contoso", "name: con.toso"), edited(t, "name: contoso", "name: '>'"), edited(t, "name: contoso", "name: ''"), edited(t, "name: contoso", "endpoint: bulk"), "tenants: []\n", "log: {level: info}\n"},
		"user":     {users("anna"), users("anna@contoso.com"), users("''"), users("' " + anna + "'"), users("'" + anna + " '"), users(`"` + anna + `\u0000"`), users("'*'"), users("'a.>'"), users("a.b.c"), users("null"), users("5"), users(anna + ", " + strings.ToUpper(anna)), users("{" + anna + "}"), edited(t, "ids: ["+anna+"]", "ids: []"), edited(t, "{ids: ["+anna+"]}", "{ids: ["+anna+"], exclude: ["+anna+"]}"), edited(t, "{ids: ["+anna+"]}", "{ids: ["+anna+"], groups: [sales]}"), edited(t, "{ids: ["+anna+"]}", "{ids: ["+anna+"], upns: [anna]}"), edited(t, "{ids: ["+anna+"]}", "{ids: ["+anna+"], files: [none.txt]}"), edited(t, "{ids: ["+anna+"]}", "{ids: ["+anna+"], files: ['']}"), twoTenants(anna, anna)},
		"prefix":   {tenant + "nats: {prefix: ''}\n", tenant + "nats: {prefix: 'a.*'}\n", tenant + "nats: {prefix: 'a.>'}\n", tenant + "nats: {prefix: 'a b'}\n", tenant + "nats: {prefix: $JS}\n", tenant + "nats: {prefix: $SYS.a}\n", tenant + "nats: {prefix: $KV.a}\n", tenant + "nats: {prefix: _INBOX.a}\n", tenant + "nats: {prefix: .a}\n", tenant + "nats: {prefix: a.}\n", tenant + "nats: {prefix: a..b}\n", tenant + "nats: {prefix: " + strings.Repeat("a.", 300) + "a}\n", tenant + "nats: {prefix: " + strings.Repeat("a", 300) + "}\n", tenant + "nats: {prefix: \"a\\tb\"}\n", tenant + "nats: {prefix: presenced}\n"},
		"secret":   {tenant + "nats: {password: s3cr3t}\n", tenant + "nats: {token: s3cr3t}\n", tenant + "nats: {url: 'nats://127.0.0.1', nkey_seed: s3cr3t}\n", edited(t, "{device_code: {token_file: refresh-token}}", "{client_secret: s3cr3t}"), edited(t, "{device_code: {token_file: refresh-token}}", "s3cr3t"), edited(t, "{device_code: {token_file: refresh-token}}", "[s3cr3t]"), edited(t, "{device_code: {token_file: refresh-token}}", "{s3cr3t: }"), edited(t, "{device_code: {token_file: refresh-token}}", "{secret_file: {s3cr3t: x}}"), edited(t, "{device_code: {token_file: refresh-token}}", "{secret_file: s3cr3t}"), edited(t, "{device_code: {token_file: refresh-token}}", "{secret_file: /no/such/s3cr3t}"), edited(t, "{device_code: {token_file: refresh-token}}", "{}"), edited(t, "{device_code: {token_file: refresh-token}}", "{device_code: {}}"), edited(t, "{device_code: {token_file: refresh-token}}", "{federated_token_file: none}")},
		"NATS":     {tenant + "nats: {url: 'http://127.0.0.1:4222'}\n", tenant + "nats: {url: '127.0.0.1:4222'}\n", tenant + "nats: {url: 'nats://u:s3cr3t@127.0.0.1'}\n", tenant + "nats: {url: 'nats://s3cr3t@127.0.0.1'}\n", tenant + "nats: {url: 'nats://nats.example.com'}\n", tenant + "nats: {url: 'nats://127.0.0.1/path'}\n", tenant + "nats: {url: 'nats://127.0.0.1?a=s3cr3t'}\n", tenant + "nats: {url: 'nats://127.0.0.1:0'}\n", tenant + "nats: {url: 'nats://127.0.0.1:70000'}\n", tenant + "nats: {url: 'nats://127.0.0.1:s3cr3t'}\n", tenant + "nats: {url: 'nats://'}\n", tenant + "nats: {url: 'nats://127.0.0.1,'}\n", tenant + "nats: {url: 'nats://127.0.0.1', context: a}\n", tenant + "nats: {url: 'nats://127.0.0.1', creds: none}\n", tenant + "nats: {url: 'nats://127.0.0.1', nkey: none}\n", tenant + "nats: {url: 'nats://127.0.0.1', user: a}\n", tenant + "nats: {url: 'tls://nats.example.com', tls: {ca: none}}\n", tenant + "nats: {url: 'tls://nats.example.com', tls: {cert: none}}\n"},
		"Graph":    {at("cloud: china"), at("cloud: Global"), at("cloud: ''"), at("cloud: {}"), at("cloud: {graph_url: 'https://graph.example.com'}"), at("cloud: {graph_url: 'http://graph.microsoft.com', login_url: 'https://login.microsoftonline.com'}"), at("cloud: {graph_url: 'https://u:s3cr3t@graph.microsoft.com', login_url: 'https://login.microsoftonline.com'}"), at("cloud: {graph_url: 'https://graph.microsoft.com/beta', login_url: 'https://login.microsoftonline.com'}"), at("endpoint: beta"), at("fields: [status]"), at("fields: [status_message, status_message]"), at("fields: status_message")},
		"server":   {tenant + "embedded: {store_dir: ''}\n", tenant + "embedded: {listen: '0.0.0.0:4222'}\n", tenant + "embedded: {listen: ':4222'}\n", tenant + "embedded: {listen: '[::]:4222'}\n", tenant + "embedded: {durability: none}\n", tenant + "embedded: {max_store: 1KiB}\n", tenant + "embedded: {max_store: 10}\n", tenant + "embedded: {max_store: 10GB!}\n", tenant + "embedded: {max_store: -1GiB}\n", tenant + "nats: {stream: {replicas: 2}}\n", tenant + "nats: {stream: {replicas: 4}}\n", tenant + "nats: {stream: {replicas: 0}}\n", tenant + "nats: {stream: {replicas: 3}}\n", tenant + "nats: {stream: {name: 'a.b'}}\n", tenant + "nats: {stream: {name: ''}}\n", tenant + "nats: {stream: {manage: update}}\n", tenant + "http: {listen: '0.0.0.0:8480'}\n", tenant + "http: {listen: '*:8480'}\n", tenant + "http: {listen: '8480'}\n", tenant + "http: {listen: ''}\n", tenant + "log: {level: loud}\n", tenant + "log: {format: xml}\n"},
		"YAML":     {tenant + "log: {level: info\n", tenant + "log: &a {level: info}\n", tenant + "log: *a\n", tenant + "log: !x {level: info}\n", tenant + "log:\n\tlevel: info\n", tenant + "---\nlog: {level: info}\n", tenant + "<<: {log: {level: info}}\n", tenant + "log: 'info\n", tenant + " log: info\n", tenant + "log: {level: @x}\n", strings.Repeat("[", 20000), strings.Repeat("{a: ", 20000), tenant + "log: {level: \"\\xZZ\"}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, text := range texts {
				cfg, _, err := configs.Parse("p.yaml", []byte(text), in)
				if err == nil || cfg != nil {
					t.Errorf("no error for\n%s", text[max(0, len(text)-200):])
					continue
				}
				oneClearLine(t, text, err)
			}
		})
	}
}

// line is what a person reads: place, key, and the three parts.
var line = regexp.MustCompile(`^p\.yaml:\d+:\d+: ([^ ]+: )?got .+, want .+; .+$`)

func oneClearLine(t *testing.T, text string, err error) {
	t.Helper()
	tail := text[max(0, len(text)-200):]
	var all *configs.Errors
	if !errors.As(err, &all) {
		t.Fatalf("%v (%T), want *configs.Errors, which exit code 78 stands for", err, err)
	}
	if len(all.Problems) != 1 {
		t.Errorf("%d lines for\n%s\n%v", len(all.Problems), tail, err)
		return
	}
	if got := err.Error(); !line.MatchString(got) || strings.Contains(got, "s3cr3t") || len(got) > 500 {
		t.Errorf("got\n%s\nfor\n%s", got, tail)
	}
}
