package publisher_test

import (
	"encoding/json"
	"testing"

	"presenced/presence"
	"presenced/publisher"
)

// Whatever a server answers, only an ack of this log for all of a batch says that it
// is stored.
func FuzzReply(f *testing.F) {
	for _, s := range []string{
		`{"stream":"PRESENCE","seq":10,"count":3}`, `{"stream":"PRESENCE","seq":10}`, `{"stream":"PRESENCE","seq":2,"count":3}`,
		`{"stream":"OTHER","seq":10,"count":3}`, `{"stream":"PRESENCE","seq":18446744073709551615,"count":3}`, `{"stream":"PRESENCE","seq":-1,"count":3}`,
		`{"stream":"PRESENCE","seq":10,"count":3,"error":{}}`, `{"error":null}`, `{"stream":"PRESENCE","seq":10,"count":3,"duplicate":true}`,
		`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 5"}}`, `{"error":{"err_code":10071,"description":"wrong last sequence: x"}}`,
		`{"error":{"err_code":10164,"description":"wrong last sequence"}}`, `{"error":{"err_code":1e99}}`, `{"error":[]}`,
		`{}`, `null`, `[]`, ``, `0`, "\xff", `{"seq":`, `+OK`, `-ERR 'Authorization Violation'`,
	} {
		f.Add([]byte(s), 3)
		f.Add([]byte(s), 1)
	}
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		if n < 1 || n > presence.MaxBatch+1 || !publisher.IsStored(data, n) {
			return
		}
		var w struct {
			Stream string
			Seq    uint64
			Count  int
			Double bool `json:"duplicate"`
			Error  any
		}
		if err := json.Unmarshal(data, &w); err != nil || w.Stream != "PRESENCE" || w.Seq < uint64(n) || n > 1 && w.Count != n || w.Error != nil || w.Double {
			t.Errorf("%q passes for an ack of %d messages", data, n)
		}
	})
}

// Whatever stands in the place of an owner message, either it could be one, or it
// has no replica and an epoch that nobody had.
func FuzzOwner(f *testing.F) {
	for _, s := range []string{
		`{"replica":"a","epoch":3,"n":7,"ledger":{"completed":[3,0,2],"inFlight":1,"reserved":400},"summary":{"roster":2,"users":2,"revision":5,"checksum":"123","source":"up"}}`,
		`{"replica":"a","epoch":18446744073709551615}`, `{"replica":"","epoch":3}`, `{"epoch":3}`, `{"replica":"a","epoch":-1}`,
		`{"replica":"a","epoch":1,"ledger":{"completed":[-5]}}`, `{"replica":"a","epoch":1,"ledger":{"reserved":-400}}`, `{"replica":"a","epoch":1,"ledger":null}`,
		`{"replica":"a","epoch":1,"summary":{"checksum":"x"}}`, `{"replica":"a","epoch":1,"summary":{"confirmed":"yesterday"}}`, `{"replica":7}`,
		`{}`, `null`, `[]`, `""`, ``, "\xff", `mine`,
	} {
		f.Add([]byte(s), uint64(42))
	}
	f.Fuzz(func(t *testing.T, data []byte, sequence uint64) {
		o := publisher.ParseOwner(sequence, data)
		if o.Sequence != sequence || o.Epoch > sequence {
			t.Errorf("%q at %d is at %d in epoch %d", data, sequence, o.Sequence, o.Epoch)
		}
		if o.Replica == "" && o.Epoch != sequence {
			t.Errorf("%q cannot be read and has epoch %d, want %d", data, o.Epoch, sequence)
		}
		for _, n := range append(o.Ledger.Completed, o.Ledger.InFlight, o.Ledger.Reserved) {
			if n < 0 {
				t.Errorf("%q has %d requests on record", data, n)
			}
		}
	})
}
