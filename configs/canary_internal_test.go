package configs

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// canaries are secrets of every kind that people paste.
func canaries() map[string]string {
	return map[string]string{
		"Entra":      "Q8~8Q~s3cr3t.Canary_value-0123456789abcd",
		"seed":       "SUACANARYSEEDCANARYSEEDCANARYSEEDCANARYSEEDCANARYSEEDCANAR",
		"token":      "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlY2FuYXJ5",
		"passphrase": "correct horse battery canary staple",
		"hex":        "c4a41deadbeefc4a41deadbeef0123456789",
		"number":     "48151623424815162342481516234248151623",
		"address":    "nats://bot:Q8~canary~pazzword@nats.example.com:4222",
		"webhook":    "https://hooks.example.com/services/T0CANARY/B1CANARY/x9CanaryCanary",
		"assignment": "AZURE_CLIENT_SECRET=Q8~s3cr3t.Canary_value-0123456789abcd",
	}
}

// shows reports whether an output has eight characters in a row of the canary's secret part.
func shows(output, canary string) bool {
	for _, open := range []string{"nats://bot:", "nats.example.com:4222", "https://hooks.example.com", "AZURE_CLIENT_SECRET="} {
		canary = strings.ReplaceAll(canary, open, "")
	}
	for i := range len(canary) - 7 {
		if strings.Contains(output, canary[i:i+8]) {
			return true
		}
	}
	return false
}

// said is everything that a person gets to read of a configuration that is refused, or of the warnings of one that is not.
func said(text string, in Inputs) string {
	var out strings.Builder
	_, warnings, err := Parse("p.yaml", []byte(text), in)
	for _, w := range warnings {
		fmt.Fprintln(&out, w)
	}
	var all *Errors
	if errors.As(err, &all) {
		fmt.Fprintf(&out, "%v\n%+v\n", err, *all)
		for _, cause := range all.Unwrap() {
			fmt.Fprintln(&out, cause)
		}
	}
	return out.String()
}

const sound = `tenants:
  - name: contoso
    tenant_id: 7a3c2f10-52c4-4b7e-9d61-0f5e8c1b2a34
    client_id: c1e0b9d8-6f47-4a25-8e13-9b7d5f3a1c02
    credential: {device_code: {token_file: refresh-token}}
    users: {ids: [0b54c7de-8c1f-4d3a-a6e2-3f9b7c5d1e80]}
`

// TestCanaryInEveryPlace puts a secret in place of every value and beside every key, in every form that YAML has.
func TestCanaryInEveryPlace(t *testing.T) {
	t.Parallel()
	values := []func(string) any{
		func(c string) any { return c },
		func(c string) any { return []any{c} },
		func(c string) any { return []any{[]any{c}} },
		func(c string) any { return map[string]any{c: "x"} },
		func(c string) any { return map[string]any{c: nil} },
		func(c string) any { return map[string]any{"x": c} },
		func(c string) any { return map[string]any{"password": c, "secret": map[string]any{c: c}} },
		func(c string) any {
			return yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: c, Style: yaml.LiteralStyle}
		},
		func(c string) any { return yaml.Node{Kind: yaml.ScalarNode, Value: c} }, // plain: may be a number
	}
	places := slices.Concat(leaves(reflect.TypeFor[Config](), ""), leaves(reflect.TypeFor[Tenant](), "tenants"),
		[]string{"nats", "nats.tls", "nats.stream", "embedded", "http", "log", "tenants", "tenants.credential", "tenants.credential.device_code", "tenants.rate", "tenants.users", "tenants.cloud"})
	tried := 0
	for kind, canary := range canaries() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			for _, place := range places {
				for i, value := range values {
					for _, beside := range []bool{false, true} {
						if beside && i > 0 {
							continue // what stands behind a key that is refused is not looked at
						}
						text := planted(t, place, value(canary), canary, beside)
						if out := said(text, Inputs{}); shows(out, canary) {
							t.Errorf("%s, form %d, beside %t: it is shown in\n%s", place, i, beside, out)
						}
					}
				}
			}
		})
		tried += len(places) * len(values)
	}
	if tried < 3000 {
		t.Errorf("only %d cases", tried)
	}
}

// planted writes the sound configuration with a value at place, or with canary as a key beside it.
func planted(t *testing.T, place string, value any, canary string, beside bool) string {
	t.Helper()
	var whole map[string]any
	if err := yaml.Unmarshal([]byte(sound), &whole); err != nil {
		t.Fatal(err)
	}
	section := whole
	steps := strings.Split(place, ".")
	for _, step := range steps[:len(steps)-1] {
		if step == "tenants" {
			section = whole["tenants"].([]any)[0].(map[string]any)
			continue
		}
		inner, ok := section[step].(map[string]any)
		if !ok {
			inner = map[string]any{}
			section[step] = inner
		}
		section = inner
	}
	key := steps[len(steps)-1]
	if beside {
		key = canary
	}
	section[key] = value
	if node, ok := value.(yaml.Node); ok {
		section[key] = &node
	}
	text, err := yaml.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestCanaryInBrokenText: where the text stops being YAML, or has what a configuration may not have.
func TestCanaryInBrokenText(t *testing.T) {
	t.Parallel()
	frames := []string{
		"%s", "- %s", "%s: x", "? %s", "? [%s]\n: x", "? {%s: x}\n: x", "{%s", "[%s", "'%s", "\"%s", "\"%s\\q\"", "&%s x", "a: &%s {b: *%s}", "log: *%s", "log: &x *%s",
		"!%s x", "!<%s> x", "!%s!x y", "!!%s x", "!!int %s", "!!bool %s", "!!float '%s'", "!!binary %s", "!!timestamp %s", "!!null %s", "log: !!map %s", "%%%s", "%%YAML %s\n---\n", "%%TAG ! %s\n---\n",
		"log:\n\tlevel: %s", "\tx: %s", "\ufefflog: {level: %s}", "log: {level: %s}\n---\n%s", "---\n%s\n...\n%s: x", "<<: %s", "<<: {%s: x}", "%s: 1\n%s: 2", "nats: {%s: 1, %s: 2}",
		"nats:\n  token_file %s", "nats: {token_file %s}", "nats: {token_file:%s}", "nats: {token_file=%s}", "nats: token_file: %s", "nats:\n  token_file: %s\n bad", "nats:\n  token_file: t\n   %s: x",
		"nats: {user: %s\n", "nats: {user: a, password: %s}", "nats: {user: a, Password-File: %s}", "nats: {NATS_PASSWORD: {%s: x}}", "x: @%s", "x: `%s", "x: |9\n %s", "x: >\n%s", "x: '%s' y", "x: \"%s\" y",
		"%s\x00", "\x1b%s", "%s\xff\xfe", "\xff\xfe%s", "x: %s\r\ny", "tenants: {%s: x}", "tenants: [%s]", "tenants: [{name: contoso, %s}]", "tenants: [{credential: %s}]", "tenants: [{credential: [%s]}]",
		"tenants: [{credential: {secret_file: {%s: x}}}]", "tenants: [{credential: {%s}}]", "tenants: [{credential: {secret: %s}}]", "tenants: [{credential: {secret_file: a, certificate_file: %s, key_file: %s}}]",
		"tenants: [{credential: {secret_file: a, secret_file: %s}}]", "tenants: [{cloud: {%s: x}}]", "tenants: [{cloud: {graph_url: %s, login_url: %s}}]", "tenants: [{users: {files: [%s]}}]",
		"-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----", "export AZURE_CLIENT_SECRET=%s", "[nats]\ntoken = %s", "# %s\nlog: 1", "log: 1 # %s",
	}
	for kind, canary := range canaries() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			for _, frame := range frames {
				text := bytes.ReplaceAll([]byte(strings.ReplaceAll(frame, "%%", "%")), []byte("%s"), []byte(canary))
				for _, text := range []string{string(text), sound + string(text), string(text) + "\n" + sound} {
					if out := said(text, Inputs{}); shows(out, canary) {
						t.Errorf("%q: it is shown in\n%s", frame, out)
					}
				}
			}
		})
	}
}

// TestCanaryInVariablesAndFlags puts a secret into every variable and every flag.
func TestCanaryInVariablesAndFlags(t *testing.T) {
	t.Parallel()
	refuse := func(spec string) error { return fmt.Errorf("%q is no schedule", spec) }
	names := append(SecretVariables(), authorityVariable, credentialsVariable)
	for _, v := range slices.Concat(variables(), usual()) {
		names = append(names, v.name)
	}
	for kind, canary := range canaries() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			for _, name := range names {
				for _, text := range []string{"", sound, sound + "nats: {url: 'nats://127.0.0.1', user: a}\n", sound + strings.Replace(sound[9:], "contoso", "other", 1)} {
					in := Inputs{Environ: []string{name + "=" + canary, name + "_" + canary + "=x", "PRESENCED_LOG_LEVLE=" + canary}, CheckSchedule: refuse}
					if out := said(text, in); shows(out, canary) {
						t.Errorf("%s: it is shown in\n%s", name, out)
					}
				}
			}
			keys := slices.Concat(leaves(reflect.TypeFor[Config](), ""), leaves(reflect.TypeFor[Tenant](), "tenants[0]"), []string{"nats.password", "tenants[0].credential.secret", "nats"})
			for _, key := range keys {
				in := Inputs{Overrides: []Override{{Key: key, Value: canary, Origin: "--flag"}}, CheckSchedule: refuse}
				if out := said(sound, in); shows(out, canary) {
					t.Errorf("flag for %s: it is shown in\n%s", key, out)
				}
			}
		})
	}
}

// TestShortSecretsAreNotShown: where a login is configured, not even a short word is repeated.
func TestShortSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	const hunter = "hunter"
	for _, text := range []string{
		"nats: {hunter: }", "nats: {hunter: 1, hunter: 2}", "nats: {password: hunter}", "nats: {password_file: [hunter]}", "nats: {token_file: hunter, hunter: x}", "nats: {user: a, password_hunter: x}",
		"nats: {creds: {hunter: x}}", "nats: {nkey: hunter}", "nats: hunter", "nats: [hunter]", "nats: {tls: {key: hunter, cert: x}}", "nats: {token hunter}", "nats: {url: 'nats://a:hunter@b'}", "nats: {url: 'nats://a:hunter'}",
		"tenants: [{credential: hunter}]", "tenants: [{credential: {hunter: x}}]", "tenants: [{credential: {secret_file: hunter}}]", "tenants: [{credential: {secret_file: {hunter: x}}}]", "tenants: [{credential: {device_code: {hunter: x}}}]",
		"tenants: [{credential: {device_code: hunter}}]", "tenants: [{client_id: hunter, tenant_id: hunter}]", "tenants: [{client_secret: hunter}]", "tenants: [{credential: {client-secret-hunter: x}}]",
	} {
		if out := said(text, Inputs{}); out == "" || strings.Contains(out, hunter) {
			t.Errorf("%s: it is shown in\n%s", text, out)
		}
	}
}

// TestCanaryAtEveryByte puts a secret between any two bytes of a configuration with every section.
func TestCanaryAtEveryByte(t *testing.T) {
	t.Parallel()
	const rest = `nats: {url: 'tls://a.example.com:4222,tls://b.example.com', prefix: p.q, user: u, password_file: p.txt, stream: {name: S, history: 48h, replicas: 3}}
embedded: {store_dir: d/e, listen: '127.0.0.1:0', max_store: 1GiB}
http: {listen: '127.0.0.1:8480'}
log: {level: info}
`
	text := sound + `    cloud: {graph_url: 'https://graph.example.com', login_url: 'https://login.example.com'}
    rate: {requests: 100, per: 30s, share: 0.5}
    schedules: ['@every 15s', "CRON_TZ=Europe/Berlin */5 8-17 * * 1-5"]
    fields: [status_message]
` + rest
	for kind, canary := range canaries() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			for i := range len(text) + 1 {
				if out := said(text[:i]+canary+text[i:], Inputs{}); shows(out, canary) {
					t.Errorf("after %q: it is shown in\n%s", text[max(0, i-20):i], out)
				}
			}
		})
	}
}
