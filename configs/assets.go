package configs

import _ "embed" // for the two files below

//go:embed presenced.example.yaml
var example string

//go:embed presenced.schema.json
var schema string

// Example returns a configuration file that explains every key. Its values are the defaults, and one made-up tenant.
func Example() string { return example }

// Schema returns the JSON Schema (2020-12) of the configuration file, for editors.
func Schema() string { return schema }
