package configs

import (
	"crypto"
	"fmt"
	"os"
	"time"
)

// credential checks that there is exactly one way to prove who the app is, and reads its files.
func (c *check) credential(key string, cred *Credential) {
	var ways []string
	for _, way := range []struct {
		name string
		set  bool
	}{
		{"secret_file", cred.SecretFile != ""},
		{"secret", cred.Secret.IsSet() && cred.SecretFile == ""}, // beside secret_file it is refused there
		{"certificate_file", cred.CertificateFile != ""},
		{"federated_token_file", cred.FederatedTokenFile != ""},
		{"device_code.token_file", cred.DeviceCode.TokenFile != ""},
	} {
		if way.set {
			ways = append(ways, join(key, way.name))
		}
	}
	const oneWay = "one of secret_file, certificate_file with key_file, federated_token_file and device_code.token_file"
	if len(ways) > 1 {
		c.refuse(ways[1], &fault{got: fmt.Sprintf("a second credential (the first is set at %s)", c.at(ways[0])), want: "exactly " + oneWay, mend: "remove one, or unset its variable"})
	}
	if len(ways) == 0 && cred.KeyFile == "" {
		c.missing(key, oneWay, "a certificate is the safest of them; see the example")
	}
	c.secret(join(key, "secret"), join(key, "secret_file"), &cred.SecretFile, &cred.Secret)
	cred.Expires = c.pair(join(key, "certificate_file"), join(key, "key_file"), &cred.CertificateFile, &cred.KeyFile, signsPS256)
	c.federated(join(key, "federated_token_file"), &cred.FederatedTokenFile)
	c.refreshToken(join(key, "device_code.token_file"), &cred.DeviceCode.TokenFile)
}

// pair checks a certificate and its key, and returns when the certificate expires.
// suits judges the key further; nil for none.
func (c *check) pair(certKey, keyKey string, certPath, keyPath *string, suits func(crypto.Signer) *fault) time.Time {
	if *certPath == "" && *keyPath == "" {
		return time.Time{}
	}
	if *certPath == "" {
		c.missing(certKey, "the certificate of the key", "name its file")
		return time.Time{}
	}
	if *keyPath == "" {
		c.missing(keyKey, "the private key of the certificate", "name its file; it may be the same one")
		return time.Time{}
	}
	if !c.path(certKey, certPath) || !c.path(keyKey, keyPath) {
		return time.Time{}
	}
	leaf, x := readLeaf(*certPath)
	if x == nil {
		x = inForce(leaf, c.now)
	}
	if x != nil {
		c.refuse(certKey, x)
	}
	key, x := readKey(*keyPath, c.trusted)
	if x == nil && leaf != nil {
		x = matching(leaf, key)
	}
	if x == nil && suits != nil {
		x = suits(key)
	}
	if x != nil {
		c.refuse(keyKey, x)
	}
	if leaf == nil {
		return time.Time{}
	}
	if left := leaf.NotAfter.Sub(c.now); left > 0 && left < expiresSoon {
		c.warn(certKey, fmt.Sprintf("the certificate expires on %s, in less than 14 days; renew it", day(leaf.NotAfter)))
	}
	return leaf.NotAfter
}

// federated checks a token file as it is now; the platform renews it, so nothing of it is kept.
func (c *check) federated(key string, path *string) {
	if *path == "" || !c.path(key, path) {
		return
	}
	if _, x := readPrivate(*path, c.trusted); x != nil {
		c.refuse(key, x)
	}
}

// refreshToken checks the file that a login writes. Before the first login it is not there.
func (c *check) refreshToken(key string, path *string) {
	if *path == "" || !c.path(key, path) {
		return
	}
	if _, err := os.Lstat(*path); os.IsNotExist(err) {
		return
	}
	if _, x := readPrivate(*path, c.trusted); x != nil {
		c.refuse(key, x)
	}
}
