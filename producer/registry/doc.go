// Package registry is our side of a schema registry with Confluent's API: its
// settings, the names of subjects, and what we ask of it.
//
// A schema is registered under its subject, or looked up where registration is
// off, and its id goes before each value. The registry keeps ids by itself, so
// ids of one registry mean nothing to another.
//
// The password and the certificates are read again from their files for each
// request and each connection. Errors name the subject and what the registry
// said, with its text cut and without a secret; [Retryable] says whether it may
// answer otherwise later by itself.
//
// Read [Settings] first.
package registry
