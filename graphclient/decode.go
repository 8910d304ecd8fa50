package graphclient

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// kind is what stood on the wire under a key.
type kind uint8

const (
	absent kind = iota
	null
	isText
	other // a number, an object, a key that came twice
)

// text is a JSON value of which a string is expected. It keeps apart what
// *string cannot: absent, null, and something else.
type text struct {
	kind  kind
	value string
}

// UnmarshalJSON implements json.Unmarshaler; data is valid JSON.
func (t *text) UnmarshalJSON(data []byte) error {
	switch {
	case t.kind != absent: // two values for one key: neither can be trusted
		*t = text{kind: other}
	case data[0] == 'n':
		t.kind = null
	case data[0] != '"':
		t.kind = other
	default:
		t.kind = isText
		if plain := data[1 : len(data)-1]; isPlain(plain) {
			t.value = string(plain)
			return nil
		}
		if err := json.Unmarshal(data, &t.value); err != nil {
			return err
		}
		if strings.ContainsRune(t.value, '\uFFFD') { // bytes or surrogates that are no text
			*t = text{kind: other}
		}
	}
	return nil
}

// isPlain reports whether a JSON string stands for itself: ASCII, no escapes.
func isPlain(s []byte) bool {
	for _, c := range s {
		if c == '\\' || c >= 0x80 {
			return false
		}
	}
	return true
}

// skip takes any value and keeps nothing.
type skip struct{}

// UnmarshalJSON implements json.Unmarshaler.
func (skip) UnmarshalJSON([]byte) error { return nil }

// entry is a presence as Graph writes it. Graph's other keys are ignored.
//
// Source: https://learn.microsoft.com/graph/api/resources/presence
type entry struct {
	ID             text `json:"id"`
	Availability   text `json:"availability"`
	Activity       text `json:"activity"`
	SequenceNumber text `json:"sequenceNumber"`
}

// personal is the rest of a presence, read only where it is asked for.
type personal struct {
	entry
	StatusMessage statusMessage `json:"statusMessage"`
	OutOfOffice   outOfOffice   `json:"outOfOfficeSettings"`
	WorkLocation  workLocation  `json:"workLocation"`
}

// readPage reads an answer body and gives each its entries, one after the other:
// the elements of "value" or, where single allows it, the body as one entity. An
// entry with a value of the wrong type has it marked, or lacks it. A body that is
// not one whole JSON object gives an error, which does not quote from it.
//
// encoding/json bounds the depth at 10,000; the caller has bounded the size.
func readPage(body []byte, single bool, into any, each func()) (next string, err error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	if first, err := dec.Token(); err != nil || first != json.Delim('{') {
		return "", errors.New("the answer is not a JSON object")
	}
	listed := false
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return "", errors.New("the answer is not JSON")
		}
		switch key {
		case "value":
			if listed {
				return "", errors.New("the answer holds value twice")
			}
			listed = true
			err = readEntries(dec, into, each)
		case "@odata.nextLink":
			err = dec.Decode(&next)
		default:
			err = dec.Decode(new(skip))
		}
		if err != nil {
			return "", readError(err)
		}
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return "", readError(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return "", errors.New("the answer goes on after its end")
	}
	if listed {
		return next, nil
	}
	if !single {
		return "", errors.New("the answer has no value")
	}
	if err := json.Unmarshal(body, into); err != nil && !isTypeError(err) {
		return "", readError(err)
	}
	each()
	return "", nil
}

var errNoArray = errors.New("the answer's value is not an array")

func readEntries(dec *json.Decoder, into any, each func()) error {
	if first, err := dec.Token(); err != nil {
		return err
	} else if first != json.Delim('[') {
		return errNoArray
	}
	for dec.More() {
		if err := dec.Decode(into); err != nil && !isTypeError(err) {
			return err
		}
		each()
	}
	_, err := dec.Token() // the closing bracket
	return err
}

func isTypeError(err error) bool {
	var wrong *json.UnmarshalTypeError
	return errors.As(err, &wrong)
}

// readError says no more than that: encoding/json's errors quote from the body.
func readError(err error) error {
	if errors.Is(err, errNoArray) {
		return err
	}
	if isTypeError(err) {
		return errors.New("the answer's next link is not a text")
	}
	return errors.New("the answer is not JSON")
}
