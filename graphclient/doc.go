// Package graphclient asks Microsoft Graph who is present: credentials and
// tokens ([Tokens]), the rate budget ([Budget]), the four presence endpoints
// ([Client]) and the directory ([Directory]).
//
// It keeps three outcomes apart. A user is known, or explicitly unknown
// (PresenceUnknown, which is an answer), or not answered: absent from the
// result, whatever the reason. The last one never looks like Offline.
//
// A token is sent to the configured Graph host and to no other: redirects are
// not followed and every link that Graph sends is compared first.
//
// Contract of the service: https://learn.microsoft.com/graph/api/presence-get and
// https://learn.microsoft.com/graph/api/cloudcommunications-getpresencesbyuserid,
// read 2026-11-23.
package graphclient
