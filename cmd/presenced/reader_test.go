package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whoever looks in the wrong place is told what to change where they looked.
func TestReadersSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	_, config := tenant(t, 1)
	daemon, url := startRun(t, config, filepath.Join(t.TempDir(), "store"))
	eventually(t, "ready", func() bool { code, _ := get(t, url+"/readyz"); return code == 200 })
	server := natsURL(t, daemon)
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no such stream": {[]string{"get", "-s", server, "--stream", "NOPE"}, "there is no log NOPE with the prefix presence at " + server[len("nats://"):] + ": check --stream and --prefix"},
		"no such prefix": {[]string{"watch", "-s", server, "--prefix", "foo"}, "with the prefix foo"},
		"no such tenant": {[]string{"get", "-s", server, "--tenant", "nope"}, "there is no such tenant in the table"},
		"not in a file": {[]string{"get", "-c", edited(t, config, "nats: {prefix: foo}\nembedded: {listen: \""+server[len("nats://"):]+"\"}\n")},
			"with the prefix foo at " + server[len("nats://"):] + ": presenced run makes it"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := command(t, tc.args...)
			if code != exitFailed || stdout != "" || !strings.Contains(stderr, tc.want) || strings.Contains(stderr, "manage") {
				t.Errorf("exit %d, want %d with %q and no key of a file in\n%s%s", code, exitFailed, tc.want, stdout, stderr)
			}
		})
	}
	twice := start(t, "watch", "-s", server, "presence.demo.>")
	eventually(t, "a hint", func() bool {
		return strings.Contains(twice.stderr.String(), "means presence.presence.demo.>; leave presence. away")
	})
}

// edited is the configuration with more in it, in a file beside it.
func edited(t *testing.T, config, more string) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(config), "edited.yaml")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, more...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCheckFilter(t *testing.T) {
	t.Parallel()
	for filter, ok := range map[string]bool{
		">": true, "*": true, "contoso.>": true, "contoso.user.*.change.Available.*": true, "*.source.*": true,
		"": false, "contoso..": false, ".contoso": false, "contoso.": false, "bad filter": false, "a.>.b": false, "con*": false, "a.b>": false, "a\t": false,
	} {
		if err := checkFilter(filter); (err == nil) != ok {
			t.Errorf("checkFilter(%q) = %v", filter, err)
		}
	}
}
