// Package graphsim is a simulated Microsoft Graph with its Entra token service: an http.Handler that answers presence
// requests as the public documentation says Graph answers them, on a machine without an account or a network.
//
// It is three things at once. A tenant to develop against: [New] makes a seeded population that lives a working day, so
// that the demo has something to show. A hostile upstream: [Server.Inject] and the YAML script of [ParseScript] break
// answers in every way a client has to survive. And a referee: [Server.Served] says what every user was really shown to
// be, [Server.Stats] says how many requests arrived in the worst 30 s, and neither trusts anything the client says.
// A referee shares no code with what it referees, so this package imports nothing of the module it lives in.
//
//	sim, err := graphsim.New(graphsim.Config{Users: 250, Speed: 60})
//	web := httptest.NewServer(sim) // its URL is both the login host and the Graph host
//	app := sim.Tenants()[0]        // ID, ClientID, ClientSecret
//
// Requests are sorted by path: /{tenant}/oauth2/v2.0/… is the token service, /v1.0/… is Graph, /_sim/… is the control
// interface (see [Server.ServeHTTP]). All ids, names and credentials derive from [Config.Seed]; the presence of a user
// at a simulated moment is a pure function of seed, user and moment, so two servers with one seed agree.
//
// Where Microsoft's documentation is silent or contradicts itself, [Modes] holds the alternatives and its zero value is
// the reading with the best evidence.
package graphsim
