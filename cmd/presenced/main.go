// Presenced watches the Microsoft Teams presence of many people and tells
// everyone else, over NATS JetStream, what changed: each change exactly once.
//
//	presenced demo                    see it work: no account, no server, no file needed
//	presenced run -c presenced.yaml   the daemon
//	presenced check -c presenced.yaml everything that can be checked before it runs
//	presenced watch                   changes as they happen
//	presenced get                     who is what now
//	presenced simulate                a simulated Microsoft Graph tenant, alone
//	presenced nats                    the embedded NATS server, alone
//	presenced healthz                 ask a health endpoint, for containers
//	presenced login                   sign in as a person (device code)
//	presenced config example          a configuration that explains every key
//	presenced version
//
// Data goes to standard output, everything else to standard error. Exit codes:
// 0 done, 1 failed, 2 wrong usage, 74 the store is full, damaged or gone, 75
// temporary (throttled, NATS away), 77 a permission is missing or a login is
// refused, 78 the configuration is wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"go.uber.org/zap"

	"presenced/configs"
	"presenced/presence"
)

func main() {
	zap.RedirectStdLog(zap.NewNop()) // net/http prints there what a server says out of turn, which may be a token
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() {
		stop() // from now on a second signal kills
		time.AfterFunc(stopLimit, func() {
			fmt.Fprintf(os.Stderr, "presenced: not stopped within %s, ending as it is\n", stopLimit)
			os.Exit(exitFailed)
		})
	})
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// stopLimit is for what no context reaches, such as a disk that hangs. Everything
// else has given up long before.
const stopLimit = 30 * time.Second

// run is the program without the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintln(stderr, explain(err))
	}
	return exitCode(err)
}

// The exit codes, after sysexits(3) where that has one.
const (
	exitFailed     = 1
	exitUsage      = 2
	exitIO         = 74
	exitTemporary  = 75
	exitPermission = 77
	exitConfig     = 78
)

// exitCodes is the same for people.
const exitCodes = `Exit codes:
   0  done
   1  failed
   2  wrong usage
  74  the store is full, damaged or gone
  75  temporary: throttled, NATS away
  77  a permission is missing, or a login is refused
  78  the configuration is wrong`

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// temporaryError is a failure that may be gone the next time.
type temporaryError struct{ error }

func (e temporaryError) Unwrap() error { return e.error }

// loginError is a login that was refused.
type loginError struct{ error }

func (e loginError) Unwrap() error { return e.error }

func exitCode(err error) int {
	var usage usageError
	var config *configs.Errors
	var blind *presence.BlindError
	var login loginError
	var temporary temporaryError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &config):
		return exitConfig
	case isIO(err):
		return exitIO
	case errors.As(err, &blind) && blind.Cause.Permanent(), errors.As(err, &login):
		return exitPermission
	case errors.As(err, &blind), errors.As(err, &temporary):
		return exitTemporary
	}
	return exitFailed
}

// isIO reports whether the disk, or its being full, is the cause.
func isIO(err error) bool {
	var lost ioError
	if errors.As(err, &lost) {
		return true
	}
	return slices.ContainsFunc([]error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EIO, syscall.EROFS}, func(errno error) bool {
		return errors.Is(err, errno)
	})
}

// explain is the error for people: the lines of a configuration's faults stand
// for themselves.
func explain(err error) string {
	var config *configs.Errors
	if errors.As(err, &config) {
		return config.Error()
	}
	return "presenced: " + err.Error()
}
