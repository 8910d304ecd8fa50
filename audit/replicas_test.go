package audit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"presenced/audit"
	"presenced/presence"
)

// trial is evidence of a sound run: one user, told by the processes named, each
// change in a batch of its own.
type trial struct {
	audit.Evidence
	rule presence.Rule
	last presence.State
}

func newTrial() *trial {
	return &trial{
		Evidence: audit.Evidence{Told: map[presence.UserID][]audit.Told{}, Sent: map[string]audit.Sent{}, Stored: map[string]int{}},
		rule:     presence.Rule{Tenant: "t"},
	}
}

func stamped(word string, n int) presence.Presence {
	return presence.Presence{Availability: word, Activity: word, SequenceNumber: fmt.Sprintf("A%010d", n)}
}

// tell has a process told that the user is now word, with the version stamp n.
func (tr *trial) tell(process, word string, n int, dealt bool) {
	tr.Told[user] = append(tr.Told[user], audit.Told{Process: process, Presence: stamped(word, n), Asked: at(n), Dealt: dealt})
}

// write has a process write what follows from it, in the epoch.
func (tr *trial) write(process string, epoch uint64, word string, n int) {
	e, next := tr.rule.Diff(tr.last, presence.Answer{User: user, Presence: stamped(word, n), Asked: at(n), At: at(n)})
	if e == nil {
		panic("no difference")
	}
	tr.last = next
	batch := fmt.Sprintf("batch-%d", n)
	tr.Sent[batch] = audit.Sent{Process: process, Tenant: "t", Epoch: epoch, N: uint64(n), Events: 1, At: at(n)}
	tr.Stored[batch]++
	tr.Log = append(tr.Log, audit.Line{Entry: audit.Entry{Event: *e, Stored: at(n)}, Sequence: uint64(10 + n), Batch: batch})
}

// play reads "a1:A a1:B b2:C": a process, its epoch, and what it was told and wrote.
// With ? behind it may have dealt with the answer and did not write; with ! it surely
// dealt with it and did not write.
func play(script string) *trial {
	tr := newTrial()
	for i, part := range strings.Fields(script) {
		process, word, _ := strings.Cut(part, ":")
		bare := strings.TrimRight(word, "?!")
		tr.tell(process[:1], bare, i+1, !strings.HasSuffix(word, "?"))
		if bare == word {
			tr.write(process[:1], uint64(process[1]-'0'), word, i+1)
		}
	}
	return tr
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		script string
		want   audit.Verdict
	}{
		"all told":                             {"a1:A a1:B b2:C", audit.Verdict{}},
		"a last answer that nobody dealt with": {"a1:A a1:B? b2:C", audit.Verdict{Excused: 1}},
		"a change that was dealt with is not":  {"a1:A a1:B! b2:C", audit.Verdict{Report: audit.Report{Missing: 1}}},
		"the newest change is not":             {"a1:A a1:B!", audit.Verdict{Report: audit.Report{Missing: 1}}},
		"there and back, and nobody saw it":    {"a1:A a1:B? b2:A!", audit.Verdict{Excused: 1}},
		"there and back, and somebody had to":  {"a1:A a1:B! b2:A!", audit.Verdict{Report: audit.Report{Missing: 1}}},
		"the same again brings nothing new":    {"a1:A a1:A! b2:A!", audit.Verdict{}},
		"a deposed owner writes":               {"a1:A b2:B a1:C", audit.Verdict{Deposed: 1}},
		"two owners in one epoch":              {"a1:A b1:B", audit.Verdict{Deposed: 1}},
		"away and back before anybody wrote":   {"a1:A a1:B? b2:B", audit.Verdict{Excused: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want(t, audit.Judge(play(tc.script).Evidence), tc.want)
		})
	}
}

func want(t *testing.T, got, want audit.Verdict) {
	t.Helper()
	counts := func(v audit.Verdict) string {
		return fmt.Sprintf("missing %d, invented %d, duplicates %d, broken %d, lost %d, deposed %d, torn %d, excused %d",
			v.Missing, v.Invented, v.Duplicates, v.Broken, v.Lost, v.Deposed, v.Torn, v.Excused)
	}
	if g, w := counts(got), counts(want); g != w {
		t.Errorf("got  %s\nwant %s\n%s", g, w, strings.Join(got.Finding, "\n"))
	}
	if got.Violations() > 0 && len(got.Finding) == 0 {
		t.Error("a violation, and not a word about it")
	}
}

// What a bug would do to a sound log is seen, and called by its name.
func TestJudgeSeesWhatIsPlanted(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		plant func(*trial)
		want  audit.Verdict
	}{
		"an event doubled, id and all": {func(tr *trial) {
			again := tr.Log[1]
			again.Sequence++
			tr.Log = slices.Insert(tr.Log, 2, again)
			tr.Stored[again.Batch]++
		}, audit.Verdict{Report: audit.Report{Duplicates: 1}, Torn: 1}},
		"a change told again under the next revision": {func(tr *trial) {
			again := tr.Log[2]
			again.Sequence, again.Event.Revision = again.Sequence+1, again.Event.Revision+1
			before := presence.Past{Presence: *tr.Log[2].Event.After, Since: tr.Log[2].Event.Observed.At}
			again.Event.Before = &before
			tr.Log, tr.Stored[again.Batch], tr.Sent[again.Batch] = append(tr.Log, again), 2, audit.Sent{Process: "b", Tenant: "t", Epoch: 2, N: 3, Events: 2, At: at(3)}
		}, audit.Verdict{Report: audit.Report{Broken: 1}}},
		"an event invented": {func(tr *trial) { tr.write("b", 2, "D", 4) },
			audit.Verdict{Report: audit.Report{Invented: 1}}},
		"an event of what only another process was told": {func(tr *trial) { tr.tell("a", "D", 4, false); tr.write("b", 2, "D", 4) },
			audit.Verdict{Report: audit.Report{Invented: 1}}},
		"an event before the process had asked": {func(tr *trial) {
			tr.tell("b", "D", 4, false)
			tr.write("b", 2, "D", 4)
			tr.Told[user][3].Asked = at(9)
		}, audit.Verdict{Report: audit.Report{Invented: 1}}},
		"a batch that no process sent": {func(tr *trial) { delete(tr.Sent, "batch-2") },
			audit.Verdict{Report: audit.Report{Invented: 1}}},
		"an event of a stranger": {func(tr *trial) {
			stranger := tr.Log[0]
			stranger.Event.User = "00000002-0000-4000-8000-000000000002"
			stranger.Batch, stranger.Sequence = "batch-9", 99
			tr.Sent["batch-9"], tr.Stored["batch-9"] = audit.Sent{Process: "b", Tenant: "t", Epoch: 2, N: 9, Events: 1, At: at(9)}, 1
			tr.Log = append(tr.Log, stranger)
		}, audit.Verdict{Report: audit.Report{Invented: 1}}},
		"a wrong before": {func(tr *trial) { tr.Log[1].Event.Before.Availability = "X" },
			audit.Verdict{Report: audit.Report{Broken: 1}}},
		"a wrong since": {func(tr *trial) { tr.Log[1].Event.Before.Since = at(7) },
			audit.Verdict{Report: audit.Report{Broken: 1}}},
		"a revision left out": {func(tr *trial) { tr.Log[2].Event.Revision++ },
			audit.Verdict{Report: audit.Report{Broken: 1}}},
		"an event lost": {func(tr *trial) { tr.Log = slices.Delete(tr.Log, 1, 2) },
			audit.Verdict{Report: audit.Report{Missing: 1, Broken: 2}}}, // revision and before of the next one
		"part of a batch": {func(tr *trial) { s := tr.Sent["batch-2"]; s.Events = 2; tr.Sent["batch-2"] = s },
			audit.Verdict{Torn: 1}},
		"a write that comes late in its epoch": {func(tr *trial) { s := tr.Sent["batch-2"]; s.N = 0; tr.Sent["batch-2"] = s },
			audit.Verdict{Deposed: 1}},
		"state that was lost": {func(tr *trial) {
			tr.Log[2].Event.Kind, tr.Log[2].Event.Reason = presence.KindSnapshot, presence.ReasonStateLost
		},
			audit.Verdict{Report: audit.Report{Lost: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := play("a1:A a1:B b2:C")
			want(t, audit.Judge(tr.Evidence), audit.Verdict{})
			tc.plant(tr)
			want(t, audit.Judge(tr.Evidence), tc.want)
		})
	}
}
