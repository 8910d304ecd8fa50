package configs

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	maxCertificate = 1 << 20
	expiresSoon    = 14 * 24 * time.Hour
)

func (in Inputs) now() time.Time {
	if in.Now == nil {
		return time.Now()
	}
	return in.Now()
}

// readPublic reads a file that is no secret.
func readPublic(path string) ([]byte, *fault) {
	if x := regular(os.Stat(path)); x != nil {
		return nil, x
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, &fault{"a file that cannot be read (" + cause(err).Error() + ")", "a readable file", "give the user of this process the right to read it", cause(err)}
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxCertificate+1))
	switch {
	case err != nil:
		return nil, &fault{"a file that breaks off (" + cause(err).Error() + ")", "a readable file", "check the disk", cause(err)}
	case len(data) > maxCertificate:
		return nil, &fault{got: "more than 1 MiB", want: "a PEM file", mend: "check that this is the right file"}
	}
	return data, nil
}

// blocks splits a PEM file.
func blocks(data []byte) ([]*pem.Block, *fault) {
	var all []*pem.Block
	for {
		var b *pem.Block
		if b, data = pem.Decode(data); b == nil {
			break
		}
		all = append(all, b)
	}
	if len(all) > 0 {
		return all, nil
	}
	x := &fault{got: "no PEM block", want: "PEM text that begins with -----BEGIN", mend: "check that this is the right file"}
	if bytes.HasPrefix(data, []byte{0x30}) { // an ASN.1 sequence
		x.got, x.mend = "binary data, probably PKCS#12 (.pfx) or DER", "convert it: openssl pkcs12 -in FILE -out FILE.pem -nodes"
	}
	return nil, x
}

// readLeaf reads the first certificate of a PEM file, which is ours.
func readLeaf(path string) (*x509.Certificate, *fault) {
	data, x := readPublic(path)
	if x != nil {
		return nil, x
	}
	all, x := blocks(data)
	if x != nil {
		return nil, x
	}
	first := slices.IndexFunc(all, func(b *pem.Block) bool { return b.Type == "CERTIFICATE" })
	if first < 0 {
		return nil, &fault{got: "a PEM file without a certificate", want: "a block BEGIN CERTIFICATE", mend: "check that certificate and key are not exchanged"}
	}
	leaf, err := x509.ParseCertificate(all[first].Bytes)
	if err != nil {
		return nil, &fault{got: "a certificate that cannot be parsed", want: "an X.509 certificate", mend: "export it again", cause: err}
	}
	return leaf, nil
}

func readKey(path string, trusted []string) (crypto.Signer, *fault) {
	data, x := readPrivate(path, trusted)
	if x != nil {
		return nil, x
	}
	all, x := blocks(data)
	if x != nil {
		return nil, x
	}
	for _, b := range all {
		switch {
		case !strings.HasSuffix(b.Type, "PRIVATE KEY"):
			continue
		case b.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED"):
			return nil, &fault{got: "an encrypted key", want: "a key without a passphrase, protected by the mode of its file", mend: "decrypt it: openssl pkey -in FILE -out FILE.pem"}
		}
		if key := parseKey(b.Bytes); key != nil {
			return key, nil
		}
		return nil, &fault{got: "a key that cannot be parsed", want: "a key as PKCS#8, PKCS#1 or SEC 1, RSA of 2048 bits or more", mend: "export it again: openssl pkey -in FILE -out FILE.pem"}
	}
	return nil, &fault{got: "a PEM file without a private key", want: "a block BEGIN PRIVATE KEY", mend: "check that certificate and key are not exchanged"}
}

func parseKey(der []byte) crypto.Signer {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		signer, _ := key.(crypto.Signer)
		return signer
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key
	}
	return nil
}

// inForce checks the certificate's time.
func inForce(leaf *x509.Certificate, now time.Time) *fault {
	switch {
	case now.After(leaf.NotAfter):
		return &fault{got: "a certificate that expired on " + day(leaf.NotAfter), want: "one that is valid", mend: "renew it, and upload it to the app registration before using it"}
	case now.Before(leaf.NotBefore):
		return &fault{got: "a certificate that is not valid before " + day(leaf.NotBefore), want: "one that is valid", mend: "check the clock, or wait"}
	}
	return nil
}

// matching checks that key is the private half of leaf, and no weak RSA.
func matching(leaf *x509.Certificate, key crypto.Signer) *fault {
	public, comparable := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !comparable || !public.Equal(leaf.PublicKey) {
		return &fault{got: "a key that belongs to another certificate", want: "the key of the first certificate in the certificate file", mend: "name the files of one pair"}
	}
	if r, isRSA := key.(*rsa.PrivateKey); isRSA && r.N.BitLen() < 2048 {
		return &fault{got: fmt.Sprintf("an RSA key of %d bits", r.N.BitLen()), want: "2048 bits or more", mend: "make a new pair"}
	}
	return nil
}

// signsPS256 refuses keys that Entra's assertions cannot be signed with
// (https://learn.microsoft.com/entra/identity-platform/certificate-credentials).
func signsPS256(key crypto.Signer) *fault {
	if _, isRSA := key.(*rsa.PrivateKey); !isRSA {
		return &fault{got: "a key that is not RSA", want: "RSA of 2048 bits or more, which Entra asks for", mend: "make a new pair: openssl req -x509 -newkey rsa:3072 …"}
	}
	return nil
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
