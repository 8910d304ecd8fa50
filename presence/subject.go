package presence

// Subject is where the event is published under the configured prefix:
//
//	<prefix>.<tenant>.user.<id>.change.<availability>.<activity>
//	<prefix>.<tenant>.user.<id>.snapshot.<availability>.<activity>
//	<prefix>.<tenant>.user.<id>.left
//
// The values are in it so that the server can filter by them.
func (e Event) Subject(prefix string) string {
	s := prefix + "." + e.Tenant + ".user." + string(e.User) + "." + string(e.Kind)
	if e.Kind == KindLeft || e.After == nil {
		return s
	}
	return s + "." + e.After.Availability + "." + e.After.Activity
}
