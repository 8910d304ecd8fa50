package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// Whoever cannot reach NATS is told why and what to do, and never shown a password.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	host := strings.TrimPrefix(w.nats.ClientURL(), "nats://")
	rewrite(t, w.config, func(text string) string {
		return text + "nats: {url: \"nats://" + host + "\", user: presenced, password_file: nats-password}\n"
	})
	write(t, filepath.Join(filepath.Dir(w.config), "nats-password"), "canary-secret")
	for name, tc := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"a closed port":       {[]string{"get", "-s", "nats://me:canary-secret@127.0.0.1:1"}, exitTemporary, []string{"at 127.0.0.1:1", "connection refused", "is it running there?"}},
		"an unknown host":     {[]string{"get", "-s", "nats://host.invalid:4222"}, exitTemporary, []string{"host.invalid", "check the name"}},
		"a wrong password":    {[]string{"get", "-s", "nats://me:canary-secret@" + host}, exitPermission, []string{"at " + host + " refuses the login", "check --creds"}},
		"a wrong file":        {[]string{"watch", "-c", w.config}, exitPermission, []string{"refuses the login", "check nats.user and nats.password_file"}},
		"a check of the file": {[]string{"check", "-c", w.config}, exitPermission, []string{"FAIL  nats: ", "check nats.user and nats.password_file"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := command(t, tc.args...)
			said := stdout + stderr
			for _, part := range tc.want {
				if !strings.Contains(said, part) {
					t.Errorf("%q is not in\n%s", part, said)
				}
			}
			if strings.Contains(stdout, "FAIL") && strings.Contains(stderr, "refuses") {
				t.Errorf("it says the failure twice:\n%s", said)
			}
			if code != tc.code || strings.Contains(said, "canary-secret") {
				t.Errorf("exit %d, want %d and no secret:\n%s", code, tc.code, said)
			}
		})
	}
}
