package configs

import "time"

// Default returns the configuration before anything is set. It has no tenant, so it is not valid by itself.
func Default() Config {
	return Config{
		NATS: NATS{
			Prefix: "presence",
			Stream: Stream{Name: "PRESENCE", History: 720 * time.Hour, Replicas: 1, Manage: "create"},
		},
		Embedded: Embedded{StoreDir: "./presenced-data", Listen: "127.0.0.1:4222", Durability: "strict"},
		HTTP:     HTTP{Listen: "127.0.0.1:8480"},
		Log:      Log{Level: "info", Format: "auto"},
	}
}

// DefaultTenant returns a tenant before anything is set: without name, ids, credential and users.
func DefaultTenant() Tenant {
	return Tenant{
		Cloud:        Cloud{Name: "global"},
		Endpoint:     "bulk",
		Rate:         Rate{Requests: 1500, Per: 30 * time.Second, Share: 0.8},
		Schedules:    []string{"@every 15s"},
		UnknownAfter: 3,
	}
}
