package configs_test

import (
	"fmt"

	"presenced/configs"
)

// Every fault is reported at once, where it stands and with a way to mend it.
func ExampleParse() {
	_, _, err := configs.Parse("presenced.yaml", []byte(`
nats:
  stream: {history: 30d}
tenants:
  - name: contoso
    tenant_id: common
    clientid: c1e0b9d8-6f47-4a25-8e13-9b7d5f3a1c02
    credential: {device_code: {token_file: refresh-token}}
    users: {ids: [0b54c7de-8c1f-4d3a-a6e2-3f9b7c5d1e80]}
`), configs.Inputs{})
	fmt.Println(err)
	// Output:
	// presenced.yaml:3:21: nats.stream.history: got "30d", want a duration such as 30s, 15m or 720h; there is no unit for days; write 720h
	// presenced.yaml:6:16: tenants[0].tenant_id: got "common", which stands for many tenants, want the directory (tenant) id, a GUID; an app signs in to one tenant; copy its id from the app registration
	// presenced.yaml:7:5: tenants[0].clientid: got an unknown key, want one of name, tenant_id, client_id, credential, cloud, endpoint, rate, schedules, unknown_after, fields, users; did you mean "client_id"?
}

// A flag beats the file, and the configuration knows where each value came from.
func ExampleConfig_Settings() {
	cfg, _, err := configs.Parse("presenced.yaml", []byte(`
log: {level: warn}
tenants:
  - name: contoso
    tenant_id: 7a3c2f10-52c4-4b7e-9d61-0f5e8c1b2a34
    client_id: c1e0b9d8-6f47-4a25-8e13-9b7d5f3a1c02
    credential: {device_code: {token_file: refresh-token}}
    users: {ids: [0b54c7de-8c1f-4d3a-a6e2-3f9b7c5d1e80]}
`), configs.Inputs{Overrides: []configs.Override{{Key: "log.format", Value: "json", Origin: "--log-format"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range cfg.Settings() {
		switch s.Key {
		case "log.level", "log.format", "http.listen":
			fmt.Printf("%s: %s (%s)\n", s.Key, s.Value, s.Origin)
		}
	}
	// Output:
	// http.listen: 127.0.0.1:8480 (default)
	// log.level: warn (presenced.yaml:2:14)
	// log.format: json (--log-format)
}
