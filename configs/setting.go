package configs

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Setting is one effective value, for people who ask where it comes from.
type Setting struct {
	// Key is its path in the file.
	Key string `json:"key"`
	// Value is its text; secrets are <secret>, and of a list of users only the length is told.
	Value string `json:"value"`
	// Origin is "default", a position in the file, a variable or a flag.
	Origin string `json:"origin"`
}

// Settings lists every value in the order of the documentation.
func (c *Config) Settings() []Setting { return c.settings(reflect.ValueOf(*c), "") }

func (c *Config) settings(section reflect.Value, prefix string) []Setting {
	var all []Setting
	for _, k := range keysOf(section.Type()) {
		v, key := section.Field(k.index), join(prefix, k.key)
		tenants, isTenants := v.Interface().([]Tenant)
		cloud, isCloud := v.Interface().(Cloud)
		switch {
		case isTenants:
			for i := range tenants {
				all = append(all, c.settings(reflect.ValueOf(tenants[i]), element(key, i))...)
			}
		case isCloud && cloud.Name != "":
			all = append(all, c.setting(key, cloud.Name))
		case v.Kind() == reflect.Struct:
			all = append(all, c.settings(v, key)...)
			all = append(all, c.hidden(v.Interface(), key)...)
		default:
			all = append(all, c.setting(key, valueText(v.Interface(), key)))
		}
	}
	return all
}

func (c *Config) setting(key, value string) Setting {
	from := c.origins[key]
	if from == "" {
		from = "default"
	}
	return Setting{key, value, from}
}

// hidden tells of the secrets that came in variables: they have no key in the file.
func (c *Config) hidden(section any, key string) []Setting {
	var all []Setting
	add := func(name string, s Secret) {
		if from := c.origins[join(key, name)]; from != "" && s.IsSet() {
			all = append(all, Setting{join(key, name), s.String(), from})
		}
	}
	switch v := section.(type) {
	case NATS:
		add("password", v.Password)
		add("token", v.Token)
	case Credential:
		add("secret", v.Secret)
	}
	return all
}

func valueText(value any, key string) string {
	switch v := value.(type) {
	case time.Duration:
		return durationText(v)
	case Size:
		if v == 0 {
			return ""
		}
		return v.String()
	case []string:
		if strings.Contains(key, ".users.") && len(v) > 0 && !strings.HasSuffix(key, ".files") {
			return fmt.Sprintf("[%d in all]", len(v))
		}
		return "[" + strings.Join(v, ", ") + "]"
	}
	return fmt.Sprint(value)
}

// originNames fixes the origin of every key, as long as it is known.
func (f *findings) originNames() map[string]string {
	names := map[string]string{}
	for key, m := range f.marks {
		if strings.HasSuffix(key, "]") {
			continue // the list tells it
		}
		names[key] = fmt.Sprintf("%s:%d:%d", f.file, m.line, m.column)
	}
	for key, o := range f.set {
		names[key] = o.name
	}
	return names
}
