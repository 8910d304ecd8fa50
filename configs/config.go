package configs

import "time"

// Config is the whole configuration, checked and resolved. It is read-only after [Load]; any number of
// goroutines may read it.
type Config struct {
	// NATS says which server takes the events.
	NATS NATS `yaml:"nats"`
	// Embedded is the server in this process; it is used when NATS names neither a URL nor a context.
	Embedded Embedded `yaml:"embedded"`
	// HTTP is the listener for health and metrics.
	HTTP HTTP `yaml:"http"`
	// Log says what is logged and how.
	Log Log `yaml:"log"`
	// Tenants are the directories to watch: at least one.
	Tenants []Tenant `yaml:"tenants"`

	origins map[string]string
}

// UsesEmbedded reports whether the server in this process takes the events.
func (c *Config) UsesEmbedded() bool { return c.NATS.URL == "" && c.NATS.Context == "" }

// NATS is the connection to an external server, and what is made there. At most one of Creds, NKey, User and
// Token is set.
type NATS struct {
	// URL is one server or several, separated by commas: nats://, tls://, ws:// or wss://, without
	// credentials. Empty: Context, or the embedded server.
	URL string `yaml:"url"`
	// Context is the name of a context of the nats command line. It excludes URL, TLS and credentials here.
	Context string `yaml:"context"`
	// AllowPlaintext permits an unencrypted connection to a host other than this one, as inside a compose network.
	AllowPlaintext bool `yaml:"allow_plaintext"`
	// Creds is the path of a .creds file.
	Creds string `yaml:"creds"`
	// NKey is the path of a file with a user seed.
	NKey string `yaml:"nkey"`
	// User goes with PasswordFile.
	User string `yaml:"user"`
	// PasswordFile is the path of a file with the password of User.
	PasswordFile string `yaml:"password_file"`
	// TokenFile is the path of a file with a token.
	TokenFile string `yaml:"token_file"`
	// TLS is how the server is verified and how we show who we are.
	TLS TLS `yaml:"tls"`
	// Prefix is what all public subjects begin with: one or more tokens.
	Prefix string `yaml:"prefix"`
	// Stream is the log of events.
	Stream Stream `yaml:"stream"`

	// Password is what PasswordFile held, or the variable NATS_PASSWORD.
	Password Secret `yaml:"-"`
	// Token is what TokenFile held, or the variable NATS_TOKEN.
	Token Secret `yaml:"-"`
}

// TLS are the certificates of a NATS connection. The zero value verifies with the system's authorities.
type TLS struct {
	// CA is the path of a PEM file with the authorities to trust. Empty: the system's.
	CA string `yaml:"ca"`
	// Cert is the path of our certificate, PEM. It goes with Key.
	Cert string `yaml:"cert"`
	// Key is the path of the private key of Cert, PEM.
	Key string `yaml:"key"`
	// ServerName is the name that the server's certificate must bear. Empty: the host of the URL.
	ServerName string `yaml:"server_name"`
}

// Stream is the JetStream stream that holds every event.
type Stream struct {
	// Name of the stream: [A-Za-z0-9_-]{1,32}.
	Name string `yaml:"name"`
	// History is how long an event is kept, 1h to 87600h.
	History time.Duration `yaml:"history"`
	// Replicas is 1, 3 or 5; the embedded server has 1.
	Replicas int `yaml:"replicas"`
	// Manage is create (make it if it is not there), verify (report what differs) or off. None changes an existing stream.
	Manage string `yaml:"manage"`
}

// Embedded is the NATS server in this process.
type Embedded struct {
	// StoreDir is where it keeps its files.
	StoreDir string `yaml:"store_dir"`
	// Listen is its address for clients, loopback only: it asks for no credentials.
	Listen string `yaml:"listen"`
	// Durability is strict (an event is on disk before it counts) or relaxed (a power cut can lose the last ones).
	Durability string `yaml:"durability"`
	// MaxStore is the most that the files may take. Zero: a share of the free disk, chosen by the server.
	MaxStore Size `yaml:"max_store"`
}

// HTTP is the listener for health, metrics and the live page.
type HTTP struct {
	// Listen is its address, host:port.
	Listen string `yaml:"listen"`
	// AllowRemote permits an address other than loopback, as a container needs. There is no login.
	AllowRemote bool `yaml:"allow_remote"`
}

// Log says what is logged and how.
type Log struct {
	// Level is debug, info, warn or error.
	Level string `yaml:"level"`
	// Format is json, console, or auto: console on a terminal.
	Format string `yaml:"format"`
}
