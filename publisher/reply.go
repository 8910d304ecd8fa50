package publisher

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// fate is what a reply says of a write.
type fate int

const (
	stored   fate = iota // all of it is in the log
	refused              // the condition on the owner message did not hold
	inFlight             // something of ours is still on its way through the cluster: ask again
	again                // not stored, and the same write may succeed later
	wrong                // not stored, and never will be until somebody changes something
)

// reply is the server's word on a write.
type reply struct {
	fate    fate
	first   uint64 // stored: sequence of the first message
	current uint64 // refused: sequence of the owner message that stands in the log; 0: it did not say
	err     error  // again, wrong: what to tell people
	partial bool   // again: the stream did not see every message
}

// The error codes that decide something. The server's whole list:
// https://github.com/nats-io/nats-server/blob/main/server/errors.json
const (
	codeStorageExceeded       = 10023
	codeMessageNotFound       = 10037
	codeAccountStorage        = 10047
	codeSubjectMismatch       = 10052
	codeMessageTooLarge       = 10054
	codeStreamNotFound        = 10059
	codeStreamMismatch        = 10060
	codeWrongLastSequence     = 10071
	codeStoreFailed           = 10077
	codeSealed                = 10109
	codeDuplicateInFlight     = 10158
	codeWrongSequenceInFlight = 10164
	codeTooManyInFlight       = 10167
	codeAtomicDisabled        = 10174
	codeBatchIncomplete       = 10176
	codeBatchTooLarge         = 10199
	codeBatchDuplicateID      = 10201
	codeTooManyBatches        = 10210
)

type wireReply struct {
	Stream string `json:"stream"`
	Seq    uint64 `json:"seq"`
	Count  int    `json:"count"`
	Double bool   `json:"duplicate"`
	Error  *struct {
		ErrCode     int    `json:"err_code"`
		Description string `json:"description"`
	} `json:"error"`
}

// parseReply reads the answer to a write of n messages into a stream. A reply that
// cannot be ours is an error: the write is in doubt.
func parseReply(stream string, data []byte, n int) (reply, error) {
	var w wireReply
	if err := json.Unmarshal(data, &w); err != nil {
		return reply{}, fmt.Errorf("read reply of the log: %w", err)
	}
	if w.Error == nil {
		if w.Double { // an ack of another message: we never send ids
			return reply{}, fmt.Errorf("read reply of the log: taken for a duplicate of message %d: something adds message ids; remove it", w.Seq)
		}
		if w.Stream != stream || w.Seq < uint64(n) || n > 1 && w.Count != n {
			return reply{}, fmt.Errorf("read reply of the log: ack of %d messages at %d of stream %q, want %d of %q", w.Count, w.Seq, w.Stream, n, stream)
		}
		return reply{fate: stored, first: w.Seq - uint64(n) + 1}, nil
	}
	err := fmt.Errorf("stream %s: %s (%d)%s", stream, w.Error.Description, w.Error.ErrCode, advice(w.Error.ErrCode))
	switch w.Error.ErrCode {
	case codeWrongLastSequence:
		return reply{fate: refused, current: sequenceIn(w.Error.Description), err: err}, nil
	case codeWrongSequenceInFlight, codeDuplicateInFlight:
		return reply{fate: inFlight, err: err}, nil
	case codeAtomicDisabled, codeSealed, codeSubjectMismatch, codeMessageTooLarge, codeBatchTooLarge,
		codeBatchDuplicateID, codeStreamNotFound, codeStreamMismatch, codeMessageNotFound:
		return reply{fate: wrong, err: fmt.Errorf("%w: %w", ErrUnfit, err)}, nil
	}
	return reply{fate: again, err: err, partial: w.Error.ErrCode == codeBatchIncomplete}, nil
}

// advice is what a person can do about an error of the server.
func advice(code int) string {
	switch code {
	case codeStorageExceeded, codeAccountStorage, codeStoreFailed:
		return ": the storage limit is reached; free or grant space"
	case codeStreamNotFound, codeStreamMismatch, codeMessageNotFound:
		return ": the log is gone or another; presenced does not make a new one under way, restart it to do so"
	case codeAtomicDisabled:
		return ": turn allow_atomic on again"
	case codeMessageTooLarge:
		return ": raise max_msg_size of the stream, or remove it"
	case codeBatchTooLarge:
		return ": the server takes smaller batches than its documentation says; raise its limit"
	case codeSealed:
		return ": a sealed stream takes no events; recreate it"
	case codeSubjectMismatch:
		return ": the stream no longer takes presenced's subjects; put them back"
	case codeBatchDuplicateID:
		return ": something between presenced and the log adds message ids; remove it"
	case codeBatchIncomplete:
		return ": the server was too busy, its disk took no writes, or the stream no longer takes all of presenced's subjects"
	case codeTooManyBatches, codeTooManyInFlight:
		return ": the server was too busy"
	}
	return ""
}

// sequenceIn finds N in "wrong last sequence: N"; 0 where there is none.
func sequenceIn(description string) uint64 {
	_, number, _ := strings.Cut(description, ": ")
	n, _ := strconv.ParseUint(number, 10, 64)
	return n
}
