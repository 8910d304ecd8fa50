package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"

	"presenced/configs"
	"presenced/graphclient"
	"presenced/presence"
)

// awaitRoster finds out who is to be watched, for as long as the directory takes
// to answer; only ctx's end is an error.
func (d *daemon) awaitRoster(ctx context.Context, t *configs.Tenant, g graph) ([]presence.UserID, error) {
	waits := backoff.NewExponentialBackOff()
	waits.InitialInterval, waits.MaxInterval = 5*time.Second, 5*time.Minute
	for {
		users, err := roster(ctx, t, g.tokens, d.log)
		if err == nil {
			g.asked.Store(nil)
			return users, nil
		}
		g.asked.Store(&err)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		d.log.Error("waiting for the roster", zap.Error(err))
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(waits.NextBackOff()):
		}
	}
}

// roster is everyone to watch: the ids of the configuration, and whoever its names
// and groups stand for in the directory now.
func roster(ctx context.Context, t *configs.Tenant, tokens *graphclient.Tokens, log *zap.Logger) ([]presence.UserID, error) {
	users := make(map[presence.UserID]bool, len(t.Roster))
	for _, id := range t.Roster {
		users[presence.UserID(id)] = true
	}
	if len(t.Users.UPNs)+len(t.Users.Groups) > 0 {
		directory, err := graphclient.NewDirectory(graphclient.DirectoryConfig{Tenant: t.Name, Cloud: cloudOf(t), Version: thisBuild().Version}, tokens, log)
		if err != nil {
			return nil, err
		}
		found, err := directory.Resolve(ctx, t.Users.UPNs, t.Users.Groups)
		if err != nil {
			return nil, fmt.Errorf("resolve users of tenant %s: %w", t.Name, err)
		}
		if len(found.Missing) > 0 {
			log.Warn("names or groups the directory does not know", zap.String("tenant", t.Name), zap.Int("count", len(found.Missing)))
			log.Debug("not in the directory", zap.Strings("names", found.Missing))
		}
		for user := range found.Users {
			users[user] = true
		}
		for _, id := range t.Users.Exclude {
			delete(users, presence.UserID(id))
		}
	}
	if len(users) == 0 {
		return nil, fmt.Errorf("tenant %s: nobody is on the roster: check users", t.Name)
	}
	return slices.Sorted(maps.Keys(users)), nil
}
