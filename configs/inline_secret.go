package configs

import (
	"slices"
	"strings"
)

// holdsSecret reports whether the value of key, or what somebody may put there by mistake, must not be shown. An
// Entra secret pasted into client_id is the classic.
func holdsSecret(key string) bool {
	name := key[strings.LastIndex(key, ".")+1:]
	switch name {
	case "password_file", "token_file", "creds", "nkey", "key", "client_id", "tenant_id":
		return true
	}
	return strings.Contains(key, "credential")
}

// inlineSecret recognises a key that would hold a secret in the open. It returns the key to use instead.
func inlineSecret(section, name string) (*fault, string) {
	instead := ""
	switch word := plain(name); {
	case strings.HasSuffix(word, "file"):
		return nil, "" // a misspelt path
	case strings.Contains(word, "password") || strings.Contains(word, "passphrase"):
		instead = "password_file"
	case strings.Contains(word, "secret"):
		instead = "secret_file"
	case strings.Contains(word, "privatekey"):
		instead = "key_file"
	case strings.Contains(word, "seed"):
		instead = "nkey"
	case strings.Contains(word, "token") || word == "jwt":
		instead = "token_file"
	default:
		return nil, ""
	}
	switch {
	case strings.Contains(section, "credential") && instead == "password_file":
		instead = "secret_file"
	case strings.HasPrefix(section, "tenants") && !strings.Contains(section, "credential"):
		instead = "credential." + instead
	}
	return &fault{
		got:  redacted + " written in the open",
		want: instead + ", the path of a file that holds it",
		mend: "move it to a file with mode 0600, and renew it if others have seen this one",
	}, instead
}

// shownKey returns an unknown key as it may be shown, or "" if it may be a secret: one that was written where a key
// belongs. Beside the keys of a login only what resembles a key is shown.
func shownKey(section, name string, keys []keyed) string {
	if slices.ContainsFunc(keys, func(k keyed) bool { return k.key == name }) {
		return name
	}
	login := section == "nats" || strings.Contains(section, "credential")
	switch plausible := len(name) <= 32 && made(name, letters+"_-"); {
	case plausible && (!login || speaksOfSecrets(name)), !login && len(name) <= 4:
		return name
	case !plausible:
		return ""
	}
	slips := func(k keyed) bool { return distance(plain(name), plain(k.key)) <= 2 }
	if !slices.ContainsFunc(keys, slips) {
		return ""
	}
	return name
}

// speaksOfSecrets reports whether a key is made of the words that name secrets, and of nothing else.
func speaksOfSecrets(name string) bool {
	words := []string{
		"client", "secret", "password", "passphrase", "private", "token", "refresh", "access", "user", "nats", "azure",
		"seed", "value", "text", "file", "path", "nkey", "key", "jwt", "app", "id", "_", "-",
	}
	for name = strings.ToLower(name); name != ""; {
		at := slices.IndexFunc(words, func(word string) bool { return strings.HasPrefix(name, word) })
		if at < 0 {
			return false
		}
		name = name[len(words[at]):]
	}
	return true
}

// runTogether finds a known key with its value behind it, as in {secret_file:x}: YAML takes both for one key.
func runTogether(name string, known []string) string {
	for _, key := range known {
		if rest, found := strings.CutPrefix(name, key); found && rest != "" && strings.ContainsAny(rest[:1], " :=") {
			return key
		}
	}
	return ""
}
