package natsembed_test

import (
	"context"
	"fmt"
	"os"

	"presenced/natsembed"

	"github.com/nats-io/nats.go"
)

func ExampleStart() {
	dir, err := os.MkdirTemp("", "store")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	s, err := natsembed.Start(context.Background(), natsembed.Config{StoreDir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()

	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer nc.Close()
	fmt.Println(nc.ConnectedServerName(), nc.ConnectedServerVersion() == natsembed.Version)
	// Output: presenced true
}
