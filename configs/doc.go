// Package configs turns one YAML file, the environment and the flags into one checked [Config].
//
// [Load] reads the file strictly: an unknown, repeated or misspelt key, a wrong type and a bad value are
// errors, and all of them are returned at once, in the order of the file, each with its position and a way
// to mend it. Nothing here logs, reads a global or opens a connection. What is worth a word but no refusal
// comes back as a [Warning].
//
// A value comes from, the strongest first:
//
//  1. an [Override], which is how flags come in;
//  2. PRESENCED_ variables: PRESENCED_NATS_STREAM_HISTORY is nats.stream.history. Keys of the only tenant
//     are PRESENCED_TENANT_…; lists are separated by commas, schedules by line ends;
//  3. the variables that other tools read too: AZURE_… (for the only tenant) and NATS_…;
//  4. the file;
//  5. [Default] and [DefaultTenant].
//
// An empty variable counts as not set. With no tenant in the file, the variables describe one.
//
// Secrets never stand in the file. A key ending in _file names the file that holds one; such a path may begin
// with $CREDENTIALS_DIRECTORY, which systemd sets. Paths written in the file are relative to the file, paths
// from variables and flags, and embedded.store_dir, to the working directory.
package configs
