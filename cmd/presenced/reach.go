package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/nats-io/nats.go"
)

// What a login comes from: a configuration, or the flags of a command that has none.
const (
	loginKeys  = "nats.user and nats.password_file, or whichever of nats.creds, nats.nkey and nats.token_file it wants"
	loginFlags = "--creds, or the login of --context, or name a configuration that has one with -c"
)

// noServer says why there is no connection to the NATS server, and what to do;
// cause nil: nobody told.
func noServer(where, login string, cause error) error {
	if refusedLogin(cause) {
		return loginError{fmt.Errorf("the NATS server at %s refuses the login (%w): check %s", where, cause, login)}
	}
	advice := "is it running there?"
	var unknown *net.DNSError
	var untrusted *tls.CertificateVerificationError
	switch {
	case cause == nil:
		cause = context.DeadlineExceeded
	case errors.As(cause, &unknown):
		advice = "check the name"
	case errors.As(cause, &untrusted):
		advice = "check nats.tls"
	}
	return temporaryError{fmt.Errorf("no NATS server answers at %s (%w): %s", where, cause, advice)}
}

func refusedLogin(err error) bool {
	for _, refusal := range []error{nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}
