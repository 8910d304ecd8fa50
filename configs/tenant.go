package configs

import "time"

// Tenant is one directory, watched by one app.
type Tenant struct {
	// Name is the alias that stands in subjects: [a-z0-9-]{1,32}, unique.
	Name string `yaml:"name"`
	// TenantID is the directory (tenant) id, a lower-case GUID.
	TenantID string `yaml:"tenant_id"`
	// ClientID is the application (client) id, a lower-case GUID.
	ClientID string `yaml:"client_id"`
	// Credential is how the app proves who it is.
	Credential Credential `yaml:"credential"`
	// Cloud is the national cloud of the directory; GraphURL and LoginURL are made from it.
	Cloud Cloud `yaml:"cloud"`
	// Endpoint is bulk, user, communications or me.
	Endpoint string `yaml:"endpoint"`
	// Rate is the budget of requests.
	Rate Rate `yaml:"rate"`
	// Schedules say when to sweep; several are a union. At least one.
	Schedules []string `yaml:"schedules"`
	// UnknownAfter is how many answers in a row must say unknown before it is believed, 1 to 1000.
	UnknownAfter int `yaml:"unknown_after"`
	// Fields are watched beside availability and activity: status_message, out_of_office, work_location. Empty: none.
	Fields []string `yaml:"fields"`
	// Users says who is watched; Roster is made from it.
	Users Users `yaml:"users"`

	// Roster are the ids of Users, from the list and the files, without the excluded ones: lower case, sorted,
	// unique. UPNs and groups are not in it; Graph resolves them.
	Roster []string `yaml:"-"`
	// GraphURL is the base of Graph, without a slash at the end: https, or http on loopback.
	GraphURL string `yaml:"-"`
	// LoginURL is the base of the token service, likewise.
	LoginURL string `yaml:"-"`
}

// Credential is one way to prove who the app is: exactly one of SecretFile (or Secret), CertificateFile with
// KeyFile, FederatedTokenFile and DeviceCode.TokenFile is set.
type Credential struct {
	// SecretFile is the path of a file with the client secret.
	SecretFile string `yaml:"secret_file"`
	// CertificateFile is the path of the certificate, PEM, RSA of 2048 bits or more. It goes with KeyFile.
	CertificateFile string `yaml:"certificate_file"`
	// KeyFile is the path of the private key of CertificateFile, PEM, not encrypted. It may be the same file.
	KeyFile string `yaml:"key_file"`
	// FederatedTokenFile is the path of a token that the platform renews; it is to be read for each use.
	FederatedTokenFile string `yaml:"federated_token_file"`
	// DeviceCode signs in as a person.
	DeviceCode DeviceCode `yaml:"device_code"`

	// Secret is what SecretFile held, or the variable AZURE_CLIENT_SECRET.
	Secret Secret `yaml:"-"`
	// Expires is the end of the certificate's life. Zero: there is no certificate.
	Expires time.Time `yaml:"-"`
}

// DeviceCode is a sign-in by a person, whose refresh token is kept in a file.
type DeviceCode struct {
	// TokenFile is the path of the refresh token. It need not be there before the first login.
	TokenFile string `yaml:"token_file"`
}

// The ways that [Credential.Kind] tells apart.
const (
	KindSecret      = "secret"
	KindCertificate = "certificate"
	KindFederated   = "federated"
	KindDeviceCode  = "device_code"
)

// Kind says which way is configured: one of the Kind constants, or "" for none.
func (c Credential) Kind() string {
	switch {
	case c.CertificateFile != "":
		return KindCertificate
	case c.FederatedTokenFile != "":
		return KindFederated
	case c.SecretFile != "" || c.Secret.IsSet():
		return KindSecret
	case c.DeviceCode.TokenFile != "":
		return KindDeviceCode
	}
	return ""
}

// Cloud is a national cloud: a name, or two addresses.
type Cloud struct {
	// Name is global, usgov or usgov-dod. Empty when the addresses are given.
	Name string `yaml:"-"`
	// GraphURL is the base of Graph. It goes with LoginURL.
	GraphURL string `yaml:"graph_url"`
	// LoginURL is the base of the token service.
	LoginURL string `yaml:"login_url"`
}

// Rate is the budget of requests to Graph: Requests times Share in every sliding window of Per.
type Rate struct {
	// Requests is the limit, at most what Microsoft documents: 1,500 in 30 s for each app and tenant
	// (https://learn.microsoft.com/graph/api/presence-get).
	Requests int `yaml:"requests"`
	// Per is the length of the window, 1s to 1h.
	Per time.Duration `yaml:"per"`
	// Share is the part of the limit that we use, above 0 and up to 1; the rest is for other copies of the app.
	Share float64 `yaml:"share"`
}

// Users says who is watched.
type Users struct {
	// IDs are Entra object ids, lower-case GUIDs.
	IDs []string `yaml:"ids"`
	// UPNs are user principal names. Graph resolves them.
	UPNs []string `yaml:"upns"`
	// Groups are object ids of groups, whose members Graph lists.
	Groups []string `yaml:"groups"`
	// Files are paths of text files with one object id on a line; # begins a comment.
	Files []string `yaml:"files"`
	// Exclude are object ids that are not watched, however they were found.
	Exclude []string `yaml:"exclude"`
}
