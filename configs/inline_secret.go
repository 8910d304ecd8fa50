package configs

import "strings"

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
