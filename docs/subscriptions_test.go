package docs_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The five subscriptions of README, each made on a real server as the nats command would make it: every one gets
// something of the story to see.
func TestSubscriptionsOfReadmeWork(t *testing.T) {
	t.Parallel()
	server, log := startLog(t)
	w := startTeller(t, log, "a")
	w.examples()
	w.variety(knownWords(t))
	readBack(t, server, w) // until the table has all of it
	js, err := jetstream.New(connect(t, server))
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(read(t, "../README.md"), "Five subscriptions")
	block, _, _ = strings.Cut(block, "\n```\n")
	user := regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	lines := regexp.MustCompile(`(?m)^nats (sub --new|sub --all|kv watch (\S+)) '([^']+)'`).FindAllStringSubmatch(block, -1)
	if len(lines) != 5 {
		t.Fatalf("README has %d subscriptions of the forms that are known here, want 5:\n%s", len(lines), block)
	}
	for _, line := range lines {
		filter := user.ReplaceAllString(line[3], string(anna))
		if bucket := line[2]; bucket != "" {
			watch(t, js, bucket, filter)
			continue
		}
		consumer, err := js.OrderedConsumer(t.Context(), "PRESENCE", jetstream.OrderedConsumerConfig{FilterSubjects: []string{filter}})
		if err != nil {
			t.Errorf("%s: %v", line[0], err)
			continue
		}
		if m, err := consumer.Next(jetstream.FetchMaxWait(time.Minute)); err != nil || !matches(filter, m.Subject()) {
			t.Errorf("%s gets %v, %v", line[0], m, err)
		}
	}
}

func watch(t *testing.T, js jetstream.JetStream, bucket, keys string) {
	t.Helper()
	table, err := js.KeyValue(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	watcher, err := table.Watch(t.Context(), keys)
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Stop()
	if entry := <-watcher.Updates(); entry == nil || !matches(keys, entry.Key()) {
		t.Errorf("watching %s in %s gives %v", keys, bucket, entry)
	}
}
