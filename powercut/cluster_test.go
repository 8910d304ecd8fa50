//go:build fuse && linux

package powercut_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"presenced/powercut/lossy"
)

// cluster is nats-servers as an operator would run them, each on a disk of its own:
// three, or one alone.
type cluster struct {
	t     *testing.T
	nodes []*node
}

type node struct {
	*machine
	name   string
	port   int    // for clients
	config string // a file
}

// always is what docs/guarantees.md asks of an external server.
const always = "sync_interval: always"

func newCluster(t *testing.T, size int, sync string) *cluster {
	t.Helper()
	c := &cluster{t: t}
	ports := freePorts(t, 2*size)
	var routes []string
	for _, port := range ports[size:] {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", port))
	}
	dir := t.TempDir()
	for i := range size {
		n := &node{machine: newMachine(t, lossy.InOrder), name: fmt.Sprintf("n%d", i+1), port: ports[i]}
		n.config = filepath.Join(dir, n.name+".conf")
		text := fmt.Sprintf(`server_name: %s
listen: "127.0.0.1:%d"
logfile: %q
jetstream {
  store_dir: %q
  %s
}
`, n.name, n.port, filepath.Join(dir, n.name+".log"), filepath.Join(n.dir, "store"), sync)
		if size > 1 {
			text += fmt.Sprintf(`cluster {
  name: power
  listen: "127.0.0.1:%d"
  routes: [%s]
}
`, ports[size+i], strings.Join(routes, ", "))
		}
		if err := os.WriteFile(n.config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		n.start(t)
		c.nodes = append(c.nodes, n)
	}
	return c
}

// freePorts are ports that nobody uses now.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func (n *node) start(t *testing.T) {
	t.Helper()
	n.process = launch(t, exec.Command(natsServer, "-c", n.config))
}

func (c *cluster) url() string {
	var urls []string
	for _, n := range c.nodes {
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", n.port))
	}
	return strings.Join(urls, ",")
}

// pick is some of the nodes, the first of them the one whose disk says when.
func (c *cluster) pick(rng *rand.Rand, n int) []*node {
	var picked []*node
	for _, i := range rng.Perm(len(c.nodes))[:n] {
		picked = append(picked, c.nodes[i])
	}
	return picked
}

// cut takes the power from the nodes at the same moment, and gives it back.
func (c *cluster) cut(victims []*node, rng *rand.Rand) (sum lossy.Forgotten, torn int) {
	c.t.Helper()
	for _, n := range victims {
		n.disk.Off()
	}
	lucks := make([]*rand.Rand, len(victims))
	for i := range lucks {
		if lucks[i] = luck(rng); lucks[i] != nil {
			torn++
		}
	}
	var cutting sync.WaitGroup
	forgotten := make([]lossy.Forgotten, len(victims))
	for i, n := range victims {
		cutting.Go(func() { forgotten[i] = n.machine.cut(c.t, lucks[i]) })
	}
	cutting.Wait()
	for i, n := range victims {
		n.power(c.t)
		n.start(c.t)
		sum.Pages += forgotten[i].Pages
		sum.Changes += forgotten[i].Changes
	}
	return sum, torn
}

// names are the victims', for people.
func names(nodes []*node) string {
	var all []string
	for _, n := range nodes {
		all = append(all, n.name)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
