package natsembed

import (
	"fmt"
	"regexp"
	"sync"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// bridge is the server's log, in zap: warnings and errors as they are, the rest at
// debug level. It never ends the process, as the server's own log does on a fatal
// error: at start that error is kept for [Start] to return, later it is logged.
type bridge struct {
	log  *zap.Logger
	user *regexp.Regexp

	mu    sync.Mutex
	ready bool
	fatal error
}

func newBridge(log *zap.Logger) *bridge {
	// A subject may hold a user id and, after it, presence values: neither is for
	// the log.
	guid := regexp.MustCompile(`[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}[^\s"'\]]*`)
	return &bridge{log: log, user: guid}
}

// started ends the start: it gives the error that stopped it, if any.
func (b *bridge) started() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ready = true
	return b.fatal
}

// Noticef implements server.Logger.
func (b *bridge) Noticef(format string, v ...any) { b.write(zapcore.DebugLevel, format, v) }

// Warnf implements server.Logger.
func (b *bridge) Warnf(format string, v ...any) { b.write(zapcore.WarnLevel, format, v) }

// Errorf implements server.Logger.
func (b *bridge) Errorf(format string, v ...any) { b.write(zapcore.ErrorLevel, format, v) }

// Debugf implements server.Logger.
func (b *bridge) Debugf(format string, v ...any) { b.write(zapcore.DebugLevel, format, v) }

// Tracef implements server.Logger. It drops the line, which shows payloads.
func (b *bridge) Tracef(string, ...any) {}

// Fatalf implements server.Logger.
func (b *bridge) Fatalf(format string, v ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ready {
		b.write(zapcore.ErrorLevel, format, v)
		return
	}
	if b.fatal == nil {
		b.fatal = startError(format, v)
	}
}

func (b *bridge) write(level zapcore.Level, format string, v []any) {
	if line := b.log.Check(level, "nats-server"); line != nil {
		text := b.user.ReplaceAllString(fmt.Sprintf(format, v...), "<user>")
		line.Write(zap.String("text", text))
	}
}

// startError keeps the error among the arguments, so that its errno survives.
func startError(format string, v []any) error {
	for _, arg := range v {
		if err, ok := arg.(error); ok {
			return err
		}
	}
	return fmt.Errorf(format, v...)
}
