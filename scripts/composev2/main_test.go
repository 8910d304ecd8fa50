package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const contained = `services:
  web:
    image: web
    user: "65532:65532"
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    ports: ["127.0.0.1:80:80"]
    healthcheck: {test: [CMD, /web, healthz]}
`

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, old, new string // what is different from contained
		want           string // in the error; "" for none
	}{
		{"contained", "", "", ""},
		{"no user", `user: "65532:65532"`, "", "user:"},
		{"root by number", "65532:", "0:", "user:"},
		{"root by name", "65532:65532", "root", "user:"},
		{"writable root", "read_only: true", "", "read_only:"},
		{"capabilities kept", "cap_drop: [ALL]", "", "cap_drop:"},
		{"some dropped", "[ALL]", "[NET_RAW]", "cap_drop:"},
		{"capability given back", "[ALL]", "[ALL]\n    cap_add: [NET_ADMIN]", "cap_drop:"},
		{"privileged", "[ALL]", "[ALL]\n    privileged: true", "cap_drop:"},
		{"new privileges", `"no-new-privileges:true"`, "", "security_opt:"},
		{"seccomp off", `privileges:true"`, `privileges:true", "seccomp:unconfined"`, "security_opt:"},
		{"no health check", "healthcheck: {test: [CMD, /web, healthz]}", "", "healthcheck:"},
		{"health check off", "{test: [CMD, /web, healthz]}", "{disable: true}", "healthcheck:"},
		{"port for everybody", "127.0.0.1:80", "80", "ports: want 80"},
		{"host network", "ports: [\"127.0.0.1:80:80\"]", "network_mode: host", "network_mode:"},
		{"unknown key", "read_only", "readonly", "readonly"},
		{"no yaml", "services:", "services: [", "read "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "docker-compose.yml")
			if err := os.WriteFile(path, []byte(strings.Replace(contained, tt.old, tt.new, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			names, err := check(t.Context(), path)
			if tt.want == "" {
				if err != nil || !slices.Equal(names, []string{"web"}) {
					t.Errorf("check = %v, %v, want [web]", names, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("check = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestCheckNoFile(t *testing.T) {
	t.Parallel()
	if _, err := check(t.Context(), filepath.Join(t.TempDir(), "gone.yml")); err == nil {
		t.Error("check of a file that is not there gives no error")
	}
}
