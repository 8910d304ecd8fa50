// Composev2 reads a compose file with the loader of Docker Compose v2 and prints
// the names of its services. A warning of the loader, and a service that is less
// contained than docker-compose.yml promises, is an error.
//
//	go run . ../../docker-compose.yml
//
// It is a module of its own, so that presenced does not depend on the loader.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "composev2: want one argument, the compose file")
		os.Exit(2)
	}
	var warnings bytes.Buffer
	logrus.SetOutput(&warnings)
	names, err := check(context.Background(), os.Args[1])
	if warnings.Len() > 0 {
		err = errors.Join(err, fmt.Errorf("the loader warns: %s", strings.TrimSpace(warnings.String())))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "composev2:", err)
		os.Exit(1)
	}
	fmt.Println(strings.Join(names, "\n"))
}

// check gives the services of a file, sorted, and everything that is wrong with
// them. Variables have their defaults: the environment is not read.
func check(ctx context.Context, path string) ([]string, error) {
	options, err := cli.NewProjectOptions([]string{path}, cli.WithName("composev2"))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	var faults []error
	for _, name := range project.ServiceNames() {
		for _, fault := range loose(project.Services[name]) {
			faults = append(faults, fmt.Errorf("service %s: %s", name, fault))
		}
	}
	return project.ServiceNames(), errors.Join(faults...)
}

// loose lists what a service may do beyond the promise.
func loose(s types.ServiceConfig) []string {
	var faults []string
	held := func(ok bool, fault string) {
		if !ok {
			faults = append(faults, fault)
		}
	}
	user, _, _ := strings.Cut(s.User, ":")
	held(user != "" && user != "0" && user != "root", "user: want one without rights")
	held(s.ReadOnly, "read_only: want true")
	held(slices.Equal(s.CapDrop, []string{"ALL"}) && len(s.CapAdd) == 0 && !s.Privileged, "cap_drop: want ALL, and nothing given back")
	held(slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}), "security_opt: want no-new-privileges:true alone")
	held(s.HealthCheck != nil && !s.HealthCheck.Disable && len(s.HealthCheck.Test) > 1, "healthcheck: want one")
	held(s.NetworkMode != "host", "network_mode: want a network of its own")
	for _, port := range s.Ports {
		held(port.HostIP == "127.0.0.1", "ports: want "+port.Published+" on 127.0.0.1 only")
	}
	return faults
}
