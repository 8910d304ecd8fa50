package configs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nkeys"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.yaml.in/yaml/v4"

	"presenced/configs"
)

const hush = "s3cr3t~value"

// withSecret returns a valid tenant whose credential is the secret file at path.
func withSecret(t *testing.T, path string) string {
	return edited(t, "device_code: {token_file: refresh-token}", "secret_file: '"+path+"'")
}

// TestSecretNeverPrints prints a whole configuration in every way there is.
func TestSecretNeverPrints(t *testing.T) {
	t.Parallel()
	cfg := parsed(t, withSecret(t, file(t, "secret", hush, 0o600)), inputs())
	if got := cfg.Tenants[0].Credential.Secret.Reveal(); got != hush {
		t.Fatalf("Reveal() = %q, want %q", got, hush)
	}
	secret := cfg.Tenants[0].Credential.Secret
	asJSON, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(struct{ S configs.Secret }{secret})
	if err != nil {
		t.Fatal(err)
	}
	asText, err := secret.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	var line bytes.Buffer
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	zap.New(zapcore.NewCore(encoder, zapcore.AddSync(&line), zap.DebugLevel)).
		Info("x", zap.Any("cfg", cfg), zap.Any("s", secret), zap.Stringer("t", secret), zap.Reflect("u", secret))
	outputs := []string{string(asJSON), string(asYAML), line.String(), string(asText), secret.GoString(), fmt.Sprint(cfg.Settings()), fmt.Sprint(*cfg), fmt.Sprintln(secret, &secret)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%T %v", "%p"} {
		outputs = append(outputs, fmt.Sprintf(verb, *cfg), fmt.Sprintf(verb, secret), fmt.Sprintf(verb, []any{secret, &secret}))
	}
	for _, output := range outputs {
		wantNone(t, output, hush, fmt.Sprintf("%x", hush), fmt.Sprintf("%X", hush), fmt.Sprint([]byte(hush)))
	}
	wantParts(t, outputs[0], `"Secret":"\u003csecret\u003e"`)
	wantParts(t, outputs[1], "<secret>")
	wantParts(t, outputs[2], `"t":"<secret>"`)
}

func TestSecretFiles(t *testing.T) {
	t.Parallel()
	open := t.TempDir()
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	inOpen := filepath.Join(open, "secret")
	if err := os.WriteFile(inOpen, []byte(hush), 0o600); err != nil {
		t.Fatal(err)
	}
	link := func(target string) string {
		path := filepath.Join(t.TempDir(), "link")
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, path, want string }{
		{"missing", "/no/such/" + hush, "a path where no file is"},
		{"the secret instead of its path", hush, "a path where no file is"},
		{"an endless path", strings.Repeat("x", 5000), "a path where no file is"},
		{"directory", t.TempDir(), "a directory"},
		{"pipe", pipe, "a device, pipe or socket"},
		{"group", file(t, "s", hush, 0o640), "others can use (mode 0640)"},
		{"world", file(t, "s", hush, 0o604), "others can use (mode 0604)"},
		{"world can write", file(t, "s", hush, 0o602), "others can use (mode 0602)"},
		{"link to what everybody can write", link(file(t, "s", hush, 0o666)), "others can use (mode 0666)"},
		{"in an open directory", inOpen, "in a directory that everybody can write"},
		{"link into an open directory", link(inOpen), "in a directory that everybody can write"},
		{"link through an open directory", link(linkIn(t, open, file(t, "s", hush, 0o600))), "in a directory that everybody can write"},
		{"link to nothing", link("/no/such/file"), "a path where no file is"},
		{"empty", file(t, "s", "", 0o600), "an empty file"},
		{"line ends only", file(t, "s", "\r\n\n", 0o600), "an empty file"},
		{"second header", file(t, "s", hush+"\r\nX-Evil: 1", 0o600), "several lines"},
		{"binary", file(t, "s", hush+"\xff\xfe", 0o600), "several lines or binary data"},
		{"space", file(t, "s", hush+" \n", 0o600), "space around it"},
		{"huge", file(t, "s", strings.Repeat("x", 64<<10+1), 0o600), "more than 64 KiB"},
		{"no systemd", "$CREDENTIALS_DIRECTORY/s", "$CREDENTIALS_DIRECTORY, which is not set"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := refused(t, withSecret(t, test.path), inputs())
			wantParts(t, got, "p.yaml:5:31: tenants[0].credential.secret_file: ", test.want)
			wantNone(t, got, hush)
		})
	}
}

// linkIn is a link in dir.
func linkIn(t *testing.T, dir, target string) string {
	t.Helper()
	path := filepath.Join(dir, "link")
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSecretFilesThatAreFine(t *testing.T) {
	t.Parallel()
	path := file(t, "s", hush+"\r\n", 0o400)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	mounted := file(t, "s", hush, 0o444) // as Docker mounts it
	docker := inputs()
	docker.SecretDirs = []string{filepath.Dir(mounted)}
	systemd := inputs()
	systemd.Environ = []string{"CREDENTIALS_DIRECTORY=" + filepath.Dir(file(t, "s", hush, 0o440))}
	for _, test := range []struct {
		name, path string
		in         configs.Inputs
	}{
		{"line end", path, inputs()},
		{"link", link, inputs()},
		{"Docker", mounted, docker},
		{"kubelet", kubelet(t), inputs()},
		{"systemd", "$CREDENTIALS_DIRECTORY/s", systemd},
		{"systemd with braces", "${CREDENTIALS_DIRECTORY}/s", systemd},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg := parsed(t, withSecret(t, test.path), test.in)
			if got := cfg.Tenants[0].Credential.Secret; got.Reveal() != hush {
				t.Errorf("secret of %d bytes, want that of the file", len(got.Reveal()))
			}
		})
	}
}

// kubelet lays a secret out as the kubelet does, readable by the group.
func kubelet(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(filepath.Join(dir, "..2026"), 0o755))
	must(os.WriteFile(filepath.Join(dir, "..2026", "s"), []byte(hush), 0o640))
	must(os.Symlink("..2026", filepath.Join(dir, "..data")))
	must(os.Symlink("..data/s", filepath.Join(dir, "s")))
	return filepath.Join(dir, "s")
}

func TestPlatformDoesNotExcuseEverything(t *testing.T) {
	t.Parallel()
	writable := file(t, "s", hush, 0o666)
	docker := inputs()
	docker.SecretDirs = []string{filepath.Dir(writable)}
	wantParts(t, refused(t, withSecret(t, writable), docker), "everybody can write (mode 0666)")

	systemd := inputs()
	systemd.Environ = []string{"CREDENTIALS_DIRECTORY=" + t.TempDir()}
	wantParts(t, refused(t, withSecret(t, "$CREDENTIALS_DIRECTORY/../s"), systemd), "a path that leaves $CREDENTIALS_DIRECTORY")

	out := inputs() // a link that leads out of the platform's directory
	dir := t.TempDir()
	out.SecretDirs = []string{dir}
	wantParts(t, refused(t, withSecret(t, linkIn(t, dir, file(t, "s", hush, 0o644))), out), "others can use (mode 0644)")

	beside := inputs() // /run/secrets-old is not below /run/secrets
	beside.SecretDirs = []string{filepath.Dir(writable)[:len(filepath.Dir(writable))-1]}
	wantParts(t, refused(t, withSecret(t, writable), beside), "others can use")
}

func TestReadSecretAgain(t *testing.T) {
	t.Parallel()
	path := file(t, "s", hush+"\n", 0o600)
	secret, err := inputs().ReadSecret(path)
	if err != nil || secret.Reveal() != hush {
		t.Errorf("ReadSecret = %v, %v", secret, err)
	}
	if _, err := inputs().ReadSecret("/no/such/file"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadSecret of a missing file = %v, want fs.ErrNotExist inside", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = inputs().ReadSecret(path)
	if err == nil {
		t.Fatal("ReadSecret of an open file = no error")
	}
	wantParts(t, err.Error(), "reading secret file "+path+": got a file that others can use (mode 0644), want mode 0600")
	wantNone(t, err.Error(), hush)
}

func TestNATSLogin(t *testing.T) {
	t.Parallel()
	user, account := seed(t, nkeys.CreateUser), seed(t, nkeys.CreateAccount)
	creds := "-----BEGIN NATS USER JWT-----\neyJ0.eyJq.c2ln\n------END NATS USER JWT------\n\n" +
		"-----BEGIN USER NKEY SEED-----\n" + user + "\n------END USER NKEY SEED------\n"
	for _, test := range []struct{ name, keys, want string }{
		{"creds", "creds: " + file(t, "u.creds", creds, 0o600), ""},
		{"nkey", "nkey: " + file(t, "u.nk", user+"\n", 0o600), ""},
		{"password", "user: anna, password_file: " + file(t, "p", hush, 0o600), ""},
		{"token", "token_file: " + file(t, "t", hush, 0o600), ""},
		{"open creds", "creds: " + file(t, "u.creds", creds, 0o644), "others can use (mode 0644)"},
		{"creds without seed", "creds: " + file(t, "u.creds", strings.Split(creds, "\n\n")[0], 0o600), "a file without a user's seed"},
		{"creds without token", "creds: " + file(t, "u.creds", user, 0o600), "a file without a user's token"},
		{"account's seed", "nkey: " + file(t, "a.nk", account, 0o600), "a file without a user's seed"},
		{"garbage", "nkey: " + file(t, "a.nk", hush, 0o600), "a file without a user's seed"},
		{"seed instead of a path", "nkey: " + user, "a path where no file is"},
		{"user alone", "user: anna", "nats.password_file: got nothing"},
		{"password alone", "password_file: " + file(t, "p", hush, 0o600), "nats.user: got nothing"},
		{"two", "nkey: " + file(t, "u.nk", user, 0o600) + ", token_file: " + file(t, "t", hush, 0o600), "nats.token_file: got a second way to log in (nats.nkey is set at p.yaml:7:"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text := tenant + "nats: {url: 'nats://127.0.0.1', " + test.keys + "}\n"
			if test.want == "" {
				parsed(t, text, inputs())
				return
			}
			got := refused(t, text, inputs())
			wantParts(t, got, test.want)
			wantNone(t, got, hush, user, account, "eyJ0")
		})
	}
}

func seed(t *testing.T, create func() (nkeys.KeyPair, error)) string {
	t.Helper()
	pair, err := create()
	if err != nil {
		t.Fatal(err)
	}
	text, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestFederatedToken(t *testing.T) {
	t.Parallel()
	path := file(t, "token", "eyJ0.eyJq.c2ln\n", 0o600)
	cfg := parsed(t, edited(t, "device_code: {token_file: refresh-token}", "federated_token_file: "+path), inputs())
	if got := cfg.Tenants[0].Credential.FederatedTokenFile; got != path {
		t.Errorf("FederatedTokenFile = %q, want %q", got, path)
	}
}

func TestRefreshTokenIsGuarded(t *testing.T) {
	t.Parallel()
	path := file(t, "token", hush, 0o644)
	got := refused(t, edited(t, "refresh-token", path), inputs())
	wantParts(t, got, "device_code.token_file: got a file that others can use")
}
