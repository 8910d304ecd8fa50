package configs_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"presenced/configs"
)

// pair makes a self-signed certificate as PEM, valid from a day before noon to end.
func pair(t *testing.T, key crypto.Signer, begin, end time.Duration) (certificate, private string) {
	t.Helper()
	now := inputs().Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(begin), NotAfter: now.Add(end)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return block("CERTIFICATE", der), block("PRIVATE KEY", pkcs8)
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func rsaKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func withPair(t *testing.T, certificate, key string) string {
	t.Helper()
	return edited(t, "device_code: {token_file: refresh-token}", "certificate_file: "+certificate+", key_file: "+key)
}

const year = 365 * 24 * time.Hour

func TestCertificates(t *testing.T) {
	t.Parallel()
	key := rsaKey(t, 2048)
	good, private := pair(t, key, -time.Hour, year)
	expired, _ := pair(t, key, -year, -time.Second)
	early, _ := pair(t, key, time.Second, year)
	weak, weakPrivate := pair(t, rsaKey(t, 1024), -time.Hour, year)
	_, other := pair(t, rsaKey(t, 2048), -time.Hour, year)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, ecPrivate := pair(t, curve, -time.Hour, year)
	legacy := "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"
	for _, test := range []struct{ name, certificate, key, want string }{
		{"good", good, private, ""},
		{"good PKCS#1", good, block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), ""},
		{"chain and text around it", "subject=x\n" + good + weak, "Bag Attributes\n" + private, ""},
		{"expired", expired, private, "certificate_file: got a certificate that expired on 2026-11-24"},
		{"not yet valid", early, private, "certificate_file: got a certificate that is not valid before 2026-11-24"},
		{"key of another", good, other, "key_file: got a key that belongs to another certificate"},
		{"weak", weak, weakPrivate, "key_file: got an RSA key of 1024 bits, want 2048"},
		{"no RSA", ec, ecPrivate, "key_file: got a key that is not RSA"},
		{"encrypted", good, block("ENCRYPTED PRIVATE KEY", []byte{1}), "key_file: got an encrypted key"},
		{"encrypted the old way", good, legacy, "key_file: got an encrypted key"},
		{"garbage in PEM", block("CERTIFICATE", []byte("x")), private, "certificate_file: got a certificate that cannot be parsed"},
		{"garbage key in PEM", good, block("PRIVATE KEY", []byte("x")), "key_file: got a key that cannot be parsed"},
		{"garbage", "hello", private, "certificate_file: got no PEM block"},
		{"PKCS#12", "\x30\x82\x01\x00binary", private, "certificate_file: got binary data, probably PKCS#12"},
		{"exchanged", private, private, "certificate_file: got a PEM file without a certificate"},
		{"no key", good, good, "key_file: got a PEM file without a private key"},
		{"empty", "", private, "certificate_file: got no PEM block"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text := withPair(t, file(t, "cert.pem", test.certificate, 0o644), file(t, "key.pem", test.key, 0o600))
			if test.want != "" {
				wantParts(t, refused(t, text, inputs()), test.want)
				return
			}
			if got, want := parsed(t, text, inputs()).Tenants[0].Credential.Expires, inputs().Now().Add(year); !got.Equal(want) {
				t.Errorf("Expires = %v, want %v", got, want)
			}
		})
	}
}

func TestCertificateFilesThatAreNone(t *testing.T) {
	t.Parallel()
	certificate, private := pair(t, rsaKey(t, 2048), -time.Hour, year)
	cert, key := file(t, "cert.pem", certificate, 0o644), file(t, "key.pem", private, 0o600)
	wantParts(t, refused(t, withPair(t, "/no/such/cert", key), inputs()), "certificate_file: got a path where no file is")
	wantParts(t, refused(t, withPair(t, cert, "/no/such/key"), inputs()), "key_file: got a path where no file is")
	wantParts(t, refused(t, withPair(t, cert, file(t, "key.pem", private, 0o640)), inputs()), "key_file: got a file that others can use (mode 0640)")
	wantParts(t, refused(t, withPair(t, t.TempDir(), key), inputs()), "certificate_file: got a directory")
	wantParts(t, refused(t, edited(t, "device_code: {token_file: refresh-token}", "certificate_file: "+cert), inputs()), "key_file: got nothing")
	wantParts(t, refused(t, edited(t, "device_code: {token_file: refresh-token}", "key_file: "+key), inputs()), "certificate_file: got nothing")
}

func TestCertificateThatEndsSoon(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		left     time.Duration
		warnings int
	}{{14*24*time.Hour - time.Second, 1}, {14 * 24 * time.Hour, 0}} {
		certificate, private := pair(t, rsaKey(t, 2048), -time.Hour, test.left)
		text := withPair(t, file(t, "cert.pem", certificate, 0o644), file(t, "key.pem", private, 0o600))
		_, warnings, err := configs.Parse("p.yaml", []byte(text), inputs())
		if err != nil || len(warnings) != test.warnings {
			t.Fatalf("%v left: got %v, %v, want %d warnings", test.left, warnings, err, test.warnings)
		}
		for _, w := range warnings {
			wantParts(t, w.String(), "certificate_file: the certificate expires on 2026-12-08, in less than 14 days; renew it")
		}
	}
}

func TestTLSOfNATS(t *testing.T) {
	t.Parallel()
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	certificate, private := pair(t, curve, -time.Hour, year)
	cert, key := file(t, "cert.pem", certificate, 0o644), file(t, "key.pem", private, 0o600)
	at := tenant + "nats: {url: 'tls://nats.example.com', tls: "
	parsed(t, at+"{ca: "+cert+", cert: "+cert+", key: "+key+"}}\n", inputs()) // elliptic curves are fine here
	wantParts(t, refused(t, at+"{ca: "+key+"}}\n", inputs()), "nats.tls.ca: got a file without a certificate")
	wantParts(t, refused(t, at+"{cert: "+cert+"}}\n", inputs()), "nats.tls.key: got nothing")
}
