package configs

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// check judges a decoded configuration and resolves what it names. Its methods are one for each section, in the files
// check_….go; each takes the key of its section.
type check struct {
	*findings
	dir     string
	env     map[string]string
	trusted []string
	now     time.Time
	// schedule may be nil.
	schedule func(spec string) error
	// timetable may be nil.
	timetable func(specs []string) (Timetable, error)
}

func newCheck(f *findings, name string, in Inputs) *check {
	return &check{
		findings:  f,
		dir:       filepath.Dir(name),
		env:       environ(in.Environ),
		trusted:   in.trusted(),
		now:       in.now(),
		schedule:  in.CheckSchedule,
		timetable: in.ParseSchedules,
	}
}

func (c *check) config(cfg *Config) {
	c.nats(&cfg.NATS)
	c.embedded(cfg)
	c.listen("http.listen", cfg.HTTP.Listen, cfg.HTTP.AllowRemote, "or set http.allow_remote: true, behind something that asks who is there")
	c.oneOf("log.level", cfg.Log.Level, "debug", "info", "warn", "error")
	c.oneOf("log.format", cfg.Log.Format, "auto", "json", "console")
	c.tenants(cfg.Tenants)
}

func (c *check) embedded(cfg *Config) {
	e := &cfg.Embedded
	if e.StoreDir == "" {
		c.refuse("embedded.store_dir", &fault{got: "an empty text", want: "a directory", mend: "write ./presenced-data, or remove the key"})
	}
	c.listen("embedded.listen", e.Listen, false, "for clients on other hosts set nats.url to an external server: this one asks for no credentials")
	c.oneOf("embedded.durability", e.Durability, "strict", "relaxed")
	const least = Size(16 << 20)
	if e.MaxStore != 0 && e.MaxStore < least {
		c.refuse("embedded.max_store", &fault{got: e.MaxStore.String(), want: "16MiB or more", mend: "remove the key to use a share of the free disk"})
	}
	if !cfg.UsesEmbedded() {
		return
	}
	if n := cfg.NATS.Stream.Replicas; n != 1 {
		c.refuse("nats.stream.replicas", &fault{got: fmt.Sprint(n), want: "1, because the embedded server is alone", mend: "set nats.url to a cluster, or remove the key"})
	}
	if e.Listen == cfg.HTTP.Listen && !strings.HasSuffix(e.Listen, ":0") {
		c.refuse("http.listen", &fault{got: quoted(cfg.HTTP.Listen) + ", which embedded.listen has too", want: "an address of its own", mend: "take another port"})
	}
}

// bounded refuses a value outside least to most.
func bounded[T int | time.Duration](c *check, key string, value, least, most T) {
	if value < least || value > most {
		c.refuse(key, &fault{got: shown(value), want: shown(least) + " to " + shown(most), mend: "choose a value in this range"})
	}
}

func shown[T int | time.Duration](value T) string {
	if d, isDuration := any(value).(time.Duration); isDuration {
		return durationText(d)
	}
	return fmt.Sprint(value)
}

// durationText leaves out the zero minutes and seconds of 720h0m0s.
func durationText(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// path resolves a path in place: relative to the file if it stands there, and below $CREDENTIALS_DIRECTORY.
func (c *check) path(key string, path *string) bool {
	for _, prefix := range []string{"$" + credentialsVariable + "/", "${" + credentialsVariable + "}/"} {
		rest, found := strings.CutPrefix(*path, prefix)
		if !found {
			continue
		}
		dir := c.env[credentialsVariable]
		if dir == "" {
			c.refuse(key, &fault{got: "a path below $" + credentialsVariable + ", which is not set", want: "a path that exists", mend: "start under systemd with LoadCredential=, or write another path"})
			return false
		}
		if !filepath.IsLocal(rest) {
			c.refuse(key, &fault{got: "a path that leaves $" + credentialsVariable, want: "a path below it", mend: "write the name of a credential"})
			return false
		}
		*path = filepath.Join(dir, rest)
		return true
	}
	*path = c.relative(c.dir, key, *path)
	return true
}
