package graphclient

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

const (
	maxToken    = 64 << 10
	maxLifetime = 24 * time.Hour
	// silentLifetime is assumed where Entra does not say how long a token lives.
	silentLifetime = 5 * time.Minute
)

// checkToken accepts what may stand in a header: visible ASCII, not too long.
func checkToken(token string) error {
	if token == "" {
		return errors.New("token is empty")
	}
	if len(token) > maxToken {
		return fmt.Errorf("token has %d bytes, want at most %d", len(token), maxToken)
	}
	for i := range len(token) {
		if c := token[i]; c <= ' ' || c > '~' {
			return fmt.Errorf("token holds byte 0x%02x at %d, want visible ASCII only", c, i)
		}
	}
	return nil
}

// lifetime checks a token answer and tells how long its token can be used. The
// secrets are what was sent.
func lifetime(answer *oauth2.Token, now time.Time, secrets ...string) (time.Duration, error) {
	if err := checkToken(answer.AccessToken); err != nil {
		return 0, fmt.Errorf("access %w", err)
	}
	if !strings.EqualFold(answer.TokenType, "Bearer") {
		return 0, fmt.Errorf("token type is %q, want Bearer", clean(answer.TokenType, append(secrets, answer.AccessToken, answer.RefreshToken)...))
	}
	if answer.Expiry.IsZero() { // absent or 0
		if said := answer.Extra("expires_in"); said == nil || said == "" {
			return silentLifetime, nil
		}
		return 0, errors.New("token ends in 0 s, want a lifetime above 0")
	}
	left := answer.Expiry.Sub(now)
	if left <= 0 {
		return 0, fmt.Errorf("token ended %v ago, want a lifetime above 0", (-left).Round(time.Second))
	}
	return min(left, maxLifetime), nil
}

// renewAfter is when to ask for the next token: five minutes before the end, or
// at half the life of a token that lives shorter than ten.
func renewAfter(life time.Duration) time.Duration {
	const early = 5 * time.Minute
	if life < 2*early {
		return life / 2
	}
	return life - early
}
