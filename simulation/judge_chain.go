package simulation

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"presenced/presence"
	"presenced/simulation/natsmodel"
)

func (j *judge) readOwner(m natsmodel.Message) ownerAt {
	var o presence.Owner
	if err := json.Unmarshal(m.Data, &o); err != nil {
		j.fault("owner message %d cannot be read: %v", m.Sequence, err)
	}
	return ownerAt{o, m}
}

func (j *judge) readNews(m natsmodel.Message, epoch uint64) newsAt {
	var e struct {
		Data struct{ Cause presence.Cause }
	}
	if err := json.Unmarshal(m.Data, &e); err != nil {
		j.fault("source event %d cannot be read: %v", m.Sequence, err)
	}
	return newsAt{presence.SourceState(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]), e.Data.Cause, m, epoch}
}

// chain checks that each owner message continues the one before, on the wire too,
// and that none is by who was deposed.
func (j *judge) chain(t *tenantLog) {
	var last ownerAt
	for _, o := range t.owners {
		seq := o.Message.Sequence
		if expected := o.Get("Nats-Expected-Last-Subject-Sequence"); expected != strconv.FormatUint(last.Message.Sequence, 10) {
			j.fault("owner message %d of %s expected %q, want %d", seq, t.plan.Name, expected, last.Message.Sequence)
		}
		switch {
		case o.Epoch == last.Epoch+1: // a new reign
		case o.Epoch != last.Epoch:
			j.fault("owner message %d of %s has epoch %d after %d", seq, t.plan.Name, o.Epoch, last.Epoch)
		case o.Replica != last.Replica:
			j.fault("owner message %d of %s is by %s in the epoch of %s", seq, t.plan.Name, o.Replica, last.Replica)
		case last.Released:
			j.fault("owner message %d of %s comes after the release", seq, t.plan.Name)
		case o.N <= last.N:
			j.fault("owner message %d of %s has n %d after %d", seq, t.plan.Name, o.N, last.N)
		}
		if !last.Gone && last.Message.Sequence > 0 {
			j.fault("owner message %d of %s was not rolled up", last.Message.Sequence, t.plan.Name)
		}
		last = o
	}
}

// ownerDeadline is how long after it sent its last acked write an owner may ask.
const ownerDeadline = 10 * time.Second

// leases checks that every request to Graph left under a write of its process that
// was young enough, and that no other process owned the tenant then.
func (j *judge) leases(t *tenantLog) {
	i := 0
	newest := map[string]time.Time{} // by process
	owner := ""
	for _, d := range j.departed {
		if d.tenant != t.index {
			continue
		}
		for ; i < len(t.owners) && !t.owners[i].Stored.After(d.at); i++ {
			o := t.owners[i]
			newest[o.Replica], owner = o.Stored, o.Replica
		}
		own, ok := newest[d.process.name]
		switch age := d.at.Sub(own); {
		case !ok:
			j.fault("%s asked for %s at %s without ever owning it", d.process.name, t.plan.Name, j.clock(d.at))
			return
		case age > ownerDeadline+20*time.Millisecond: // clocks run at rates of their own
			j.fault("%s asked for %s at %s, %v after its last write", d.process.name, t.plan.Name, j.clock(d.at), age)
			return
		case owner != d.process.name && owner != "thief" && !j.stolen(t, d.at):
			j.fault("%s asked for %s at %s when %s owned it", d.process.name, t.plan.Name, j.clock(d.at), owner)
			return
		}
	}
}

// stolen reports whether a thief had the tenant not long before.
func (j *judge) stolen(t *tenantLog, at time.Time) bool {
	for _, o := range t.owners {
		if o.Replica == "thief" && !o.Stored.After(at) && at.Sub(o.Stored) < 2*ownerDeadline {
			return true
		}
	}
	return false
}
