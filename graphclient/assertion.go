package graphclient

import (
	"cmp"
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"golang.org/x/oauth2"
)

// assertionLife is below Entra's bound of ten minutes and above its allowance of
// five for clocks that differ.
const assertionLife = 9 * time.Minute

// Certificate is an app's certificate with its private key, in PEM. Both files
// are read again for each token, so that they can be rotated.
//
// Source: https://learn.microsoft.com/entra/identity-platform/certificate-credentials
type Certificate struct {
	CertificateFile string
	KeyFile         string // empty: the key is in CertificateFile
}

// Check reads the files and gives the time at which the certificate ends. It
// refuses a pair that Entra would refuse at now.
func (c Certificate) Check(now time.Time) (ends time.Time, err error) {
	pair, err := c.load(now)
	if err != nil {
		return time.Time{}, err
	}
	return pair.leaf.NotAfter, nil
}

func (c Certificate) fetch(ctx context.Context, app TokensConfig, hide func(string)) (*oauth2.Token, error) {
	now := time.Now()
	pair, err := c.load(now)
	if err != nil {
		return nil, err
	}
	assertion, err := pair.sign(app.ClientID, app.Cloud.endpoint(app.TenantID, "token"), now)
	if err != nil {
		return nil, err
	}
	return app.grantAssertion(ctx, assertion, hide)
}

// keyPair is a certificate and its key.
type keyPair struct {
	redacted
	leaf *x509.Certificate
	key  *rsa.PrivateKey
}

func (c Certificate) load(now time.Time) (*keyPair, error) {
	cert, err := os.ReadFile(c.CertificateFile)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	key, err := os.ReadFile(cmp.Or(c.KeyFile, c.CertificateFile))
	if err != nil {
		return nil, fmt.Errorf("read private key: %w", err)
	}
	pair, err := parseKeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("certificate file %s: %w", c.CertificateFile, err)
	}
	if leaf := pair.leaf; now.After(leaf.NotAfter) {
		return nil, fmt.Errorf("certificate file %s: ended on %s, add a new one to the app registration", c.CertificateFile, leaf.NotAfter.Format(time.DateOnly))
	} else if now.Before(leaf.NotBefore) {
		return nil, fmt.Errorf("certificate file %s: begins on %s only, check the clock of this machine", c.CertificateFile, leaf.NotBefore.Format(time.DateOnly))
	}
	return pair, nil
}

// parseKeyPair accepts what Entra accepts: RSA, 2048 bits or more.
func parseKeyPair(cert, key []byte) (*keyPair, error) {
	if isEncrypted(key) {
		return nil, errors.New("private key is encrypted: decrypt it with openssl pkey and protect the file instead")
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("certificate and private key: %w", err)
	}
	private, ok := pair.PrivateKey.(*rsa.PrivateKey)
	if !ok || private.N.BitLen() < 2048 {
		return nil, errors.New("private key: want RSA with 2048 bits or more")
	}
	return &keyPair{leaf: pair.Leaf, key: private}, nil
}

func isEncrypted(key []byte) bool {
	for block, rest := pem.Decode(key); block != nil; block, rest = pem.Decode(rest) {
		if strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "" {
			return true
		}
	}
	return false
}

// sign makes an assertion that Entra takes once.
func (p *keyPair) sign(clientID, audience string, now time.Time) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodPS256, jwt.RegisteredClaims{
		Audience:  jwt.ClaimStrings{audience},
		Issuer:    clientID,
		Subject:   clientID,
		ID:        uuid.NewString(),
		IssuedAt:  jwt.NewNumericDate(now),
		NotBefore: jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(assertionLife)),
	})
	thumbprint := sha256.Sum256(p.leaf.Raw)
	token.Header["x5t#S256"] = base64.RawURLEncoding.EncodeToString(thumbprint[:])
	signed, err := token.SignedString(p.key)
	if err != nil {
		return "", fmt.Errorf("sign assertion: %w", err)
	}
	return signed, nil
}
