package configs

import (
	"fmt"
	"strings"

	"github.com/nats-io/nkeys"
)

// auth checks that there is at most one way to log in, and reads its files.
func (c *check) auth(n *NATS) {
	var ways []string
	for _, way := range []struct {
		key string
		set bool
	}{
		{"nats.creds", n.Creds != ""},
		{"nats.nkey", n.NKey != ""},
		{"nats.user", n.User != ""},
		{"nats.token_file", n.TokenFile != ""},
		{"nats.token", n.Token.IsSet()},
	} {
		if way.set {
			ways = append(ways, way.key)
		}
	}
	if len(ways) > 1 {
		c.refuse(ways[1], &fault{got: fmt.Sprintf("a second way to log in (%s is set at %s)", ways[0], c.at(ways[0])), want: "at most one of creds, nkey, user and token_file", mend: "remove one, or unset its variable"})
	}
	if len(ways) > 0 && n.URL == "" {
		x := &fault{got: "a way to log in without nats.url", want: "a server to log in to", mend: "set nats.url, or remove it: the embedded server asks for none"}
		if n.Context != "" {
			x.mend = "remove it: the context holds its own"
		}
		c.refuse(ways[0], x)
	}
	if (n.PasswordFile != "" || n.Password.IsSet()) && n.User == "" {
		c.missing("nats.user", "the user that the password belongs to", "set nats.user")
	}
	if n.User != "" && n.PasswordFile == "" && !n.Password.IsSet() {
		c.missing("nats.password_file", "the password of nats.user", "name a file that holds it")
	}
	c.secret("nats.password", "nats.password_file", &n.PasswordFile, &n.Password)
	c.secret("nats.token", "nats.token_file", &n.TokenFile, &n.Token)
	c.seed("nats.creds", &n.Creds, true)
	c.seed("nats.nkey", &n.NKey, false)
}

// secret reads a secret file, unless a variable holds the secret already: then nobody can tell which one was meant.
func (c *check) secret(key, fileKey string, path *string, to *Secret) {
	if *path == "" || !c.path(fileKey, path) {
		return
	}
	if to.IsSet() {
		c.refuse(fileKey, &fault{got: "a file beside the variable " + c.at(key), want: "one of them", mend: "unset the variable"})
		return
	}
	secret, x := readSecret(*path, c.trusted)
	if x != nil {
		c.refuse(fileKey, x)
		return
	}
	*to = secret
}

// seed checks a file with a user's seed, and for creds the token beside it.
func (c *check) seed(key string, path *string, creds bool) {
	if *path == "" || !c.path(key, path) {
		return
	}
	data, x := readPrivate(*path, c.trusted)
	if x != nil {
		c.refuse(key, x)
		return
	}
	defer clear(data)
	x = &fault{got: "a file without a user's seed", want: "a seed that begins with SU", mend: "take the user's file, not the account's or operator's"}
	if creds {
		x.want = "a .creds file with a user's token and seed"
		if token, err := nkeys.ParseDecoratedJWT(data); err != nil || strings.Count(token, ".") != 2 {
			x.got, x.mend = "a file without a user's token", "make it with nsc generate creds"
			c.refuse(key, x)
			return
		}
	}
	pair, err := nkeys.ParseDecoratedUserNKey(data)
	if err != nil {
		c.refuse(key, x)
		return
	}
	pair.Wipe()
}
