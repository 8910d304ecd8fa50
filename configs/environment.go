package configs

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Override is a value that comes from a flag. It wins over everything else.
type Override struct {
	// Key is the path in the file, as nats.url or tenants[0].endpoint.
	Key string
	// Value is its text: a list is separated by commas, schedules by line ends.
	Value string
	// Origin names the flag in errors and in [Setting]: --nats-url.
	Origin string
}

const variablePrefix = "PRESENCED_"

// SecretVariables lists the variables that hold secrets. Unset them after [Load]: child processes inherit them.
func SecretVariables() []string {
	return []string{"AZURE_CLIENT_SECRET", "NATS_PASSWORD", "NATS_TOKEN"}
}

// variable is one that other tools read too.
type variable struct{ name, key string }

// usual lists those that set a key of the file. The names are those of the nats command line and of azidentity
// (https://pkg.go.dev/github.com/Azure/azure-sdk-for-go/sdk/azidentity#section-readme).
func usual() []variable {
	return []variable{
		{"NATS_URL", "nats.url"},
		{"NATS_CONTEXT", "nats.context"},
		{"NATS_CREDS", "nats.creds"},
		{"NATS_NKEY", "nats.nkey"},
		{"NATS_USER", "nats.user"},
		{"NATS_CA", "nats.tls.ca"},
		{"NATS_CERT", "nats.tls.cert"},
		{"NATS_KEY", "nats.tls.key"},
		{"AZURE_TENANT_ID", "tenants[0].tenant_id"},
		{"AZURE_CLIENT_ID", "tenants[0].client_id"},
		{"AZURE_CLIENT_CERTIFICATE_PATH", "tenants[0].credential.certificate_file"},
		{"AZURE_FEDERATED_TOKEN_FILE", "tenants[0].credential.federated_token_file"},
	}
}

// environ turns what os.Environ returns into a map. Empty values are left out: compose files set variables to
// nothing where a person would leave them unset.
func environ(list []string) map[string]string {
	env := map[string]string{}
	for _, pair := range list {
		if name, value, _ := strings.Cut(pair, "="); value != "" {
			env[name] = value
		}
	}
	return env
}

// variables returns every PRESENCED_ variable there is, and its key.
func variables() []variable {
	var all []variable
	for _, key := range leaves(reflect.TypeFor[Config](), "") {
		all = append(all, variable{variablePrefix + variableName(key), key})
	}
	for _, key := range leaves(reflect.TypeFor[Tenant](), "") {
		all = append(all, variable{variablePrefix + "TENANT_" + variableName(key), "tenants[0]." + key})
	}
	return all
}

func variableName(key string) string { return strings.ToUpper(strings.ReplaceAll(key, ".", "_")) }

// environment writes variables and flags over what the file said, the weakest first.
func (f *findings) environment(cfg *Config, in Inputs) {
	env := environ(in.Environ)
	own := variables()
	if len(cfg.Tenants) == 0 && !f.refused["tenants"] && describesTenant(env) {
		cfg.Tenants = []Tenant{DefaultTenant()}
		cfg.Tenants[0].Name = "default"
	}
	for _, v := range usual() {
		f.variable(cfg, env, v, fromUsual)
	}
	f.secrets(cfg, env)
	for _, v := range own {
		f.variable(cfg, env, v, fromPresenced)
	}
	f.strayVariables(env, own)
	for _, o := range in.Overrides {
		f.flag(cfg, o)
	}
	if len(cfg.Tenants) == 1 {
		f.combinedPEM(&cfg.Tenants[0])
	}
}

func describesTenant(env map[string]string) bool {
	for name := range env {
		if name == "AZURE_TENANT_ID" || strings.HasPrefix(name, variablePrefix+"TENANT_") {
			return true
		}
	}
	return false
}

func (f *findings) variable(cfg *Config, env map[string]string, v variable, from layer) {
	text, isSet := env[v.name]
	switch {
	case !isSet:
	case strings.HasPrefix(v.key, "tenants[0]") && len(cfg.Tenants) != 1:
		f.ignored(cfg, v.name)
	default:
		f.put(cfg, v.key, text, origin{v.name, from})
	}
}

// ignored warns of a variable for the only tenant where there are several. With none it is part of a larger fault.
func (f *findings) ignored(cfg *Config, name string) {
	if len(cfg.Tenants) > 1 {
		f.warnings = append(f.warnings, Warning{File: name, Text: fmt.Sprintf(
			"ignored, because the file has %d tenants; unset it, or write the value in the file", len(cfg.Tenants))})
	}
}

func (f *findings) put(cfg *Config, key, text string, o origin) {
	v, _ := lookup(reflect.ValueOf(cfg).Elem(), key)
	f.override(key, o)
	delete(f.refused, key) // what the file said no longer matters to the value, though it stays reported
	if x := setText(v, text, key); x != nil {
		f.refuse(key, x)
	}
}

func (f *findings) flag(cfg *Config, o Override) {
	_, known := lookup(reflect.ValueOf(cfg).Elem(), o.Key)
	if known {
		f.put(cfg, o.Key, o.Value, origin{o.Origin, fromOverride})
		return
	}
	x := &fault{got: "an unknown key", want: "a key of the configuration", mend: "`presenced config schema` lists them"}
	if near := nearest(o.Key, leaves(reflect.TypeFor[Config](), "")); near != "" {
		x.mend = fmt.Sprintf("did you mean %q?", near)
	}
	if secret, _ := inlineSecret(parent(o.Key), o.Key[len(parent(o.Key)):]); secret != nil {
		x = secret
		x.got = redacted + " on the command line, where every process can read it"
	}
	f.add(Problem{File: o.Origin, Key: o.Key, Got: x.got, Want: x.want, Mend: x.mend})
}

// secrets takes the secrets that stand in variables.
func (f *findings) secrets(cfg *Config, env map[string]string) {
	take := func(name, key string, to *Secret) {
		text, isSet := env[name]
		if !isSet {
			return
		}
		*to = NewSecret(strings.TrimRight(text, "\r\n"))
		f.set[key] = origin{name, fromUsual}
		f.warn(key, "a secret in a variable is seen by child processes and in /proc; use a file instead")
	}
	take("NATS_PASSWORD", "nats.password", &cfg.NATS.Password)
	take("NATS_TOKEN", "nats.token", &cfg.NATS.Token)
	if len(cfg.Tenants) == 1 {
		take("AZURE_CLIENT_SECRET", "tenants[0].credential.secret", &cfg.Tenants[0].Credential.Secret)
	} else if env["AZURE_CLIENT_SECRET"] != "" {
		f.ignored(cfg, "AZURE_CLIENT_SECRET")
	}
}

// strayVariables warns of names that are nearly ours. Others with our prefix are left alone: Kubernetes makes
// PRESENCED_PORT and its like for a service of that name.
func (f *findings) strayVariables(env map[string]string, own []variable) {
	names := make([]string, len(own))
	for i, v := range own {
		names[i] = v.name
	}
	for name := range env {
		if !strings.HasPrefix(name, variablePrefix) || slices.Contains(names, name) {
			continue
		}
		if near := nearest(name, names); near != "" {
			if !made(name, letters+digits+"_") || len(name) > len(near)+3 {
				name = variablePrefix + "…" // somebody's value may have become part of it
			}
			f.warnings = append(f.warnings, Warning{File: name, Text: fmt.Sprintf("no such variable; did you mean %s?", near)})
		}
	}
}

// combinedPEM makes AZURE_CLIENT_CERTIFICATE_PATH, which names one file for both, name the key as well.
func (f *findings) combinedPEM(t *Tenant) {
	c := &t.Credential
	if o := f.set["tenants[0].credential.certificate_file"]; o.layer == fromUsual && c.KeyFile == "" {
		c.KeyFile = c.CertificateFile
		f.set["tenants[0].credential.key_file"] = o
	}
}
