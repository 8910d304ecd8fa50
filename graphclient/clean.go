package graphclient

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

const (
	// maxMessage bounds what we repeat of other people's texts, in characters.
	maxMessage = 200
	// inCommon is how much of a secret in a row gives a text away.
	inCommon = 8
)

var (
	guidText = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	nameText = regexp.MustCompile(`[^\s'"<>(]+(@|%40)[^\s'"<>)]+`)
	longText = regexp.MustCompile(`[0-9A-Za-z+/=_~%.-]{40,}`) // a secret in some encoding, for all we know
	traceID  = regexp.MustCompile(`^[0-9A-Za-z-]{1,40}$`)
)

// clean makes somebody else's text fit for an error and a log: one line, at most
// 200 characters, without user ids, sign-in names and what might be a secret. A
// text that repeats a part of the secrets given is left out as a whole.
func clean(text string, secrets ...string) string {
	text = cut(printable(text), 4*maxMessage) // before the expensive part
	if repeats(text, secrets) {
		return secretMark
	}
	text = guidText.ReplaceAllString(text, "<id>")
	text = nameText.ReplaceAllString(text, "<name>")
	text = longText.ReplaceAllString(text, "<long>")
	return cut(without(text, secrets), maxMessage) // a short one, where that is possible
}

// traceable is somebody else's id of an exchange, empty where it is no id.
func traceable(id string, secrets ...string) string {
	if !traceID.MatchString(id) || without(id, secrets) != id || repeats(id, secrets) {
		return ""
	}
	return id
}

// repeats reports whether a text holds a part of a secret, as it is, in other
// case, or percent-encoded.
func repeats(text string, secrets []string) bool {
	forms := []string{strings.ToLower(text)}
	if decoded, err := url.PathUnescape(text); err == nil && decoded != text {
		forms = append(forms, strings.ToLower(decoded))
	}
	parts := map[string]bool{}
	for _, form := range forms {
		for i := 0; i+inCommon <= len(form); i++ {
			parts[form[i:i+inCommon]] = true
		}
	}
	for _, secret := range secrets {
		secret = strings.ToLower(secret)
		for i := 0; i+inCommon <= len(secret); i++ {
			if parts[secret[i:i+inCommon]] {
				return true
			}
		}
	}
	return false
}

func without(text string, secrets []string) string {
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, secretMark)
		}
	}
	return text
}

// printable replaces everything that could forge a line of a log, and runs of
// white space, by single spaces.
func printable(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == unicode.ReplacementChar
	}), " ")
}

func cut(text string, most int) string {
	n := 0
	for i := range text {
		if n == most {
			return text[:i]
		}
		n++
	}
	return text
}
