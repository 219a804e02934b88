// Package settings reads the settings of the program from the environment.
//
// Each package declares its own settings, in a struct with env tags; [Config]
// composes them. [Load] decodes and validates them and returns all that is wrong
// with them at once, as [Problems]; [Known] reads the tags back, so that the list of
// names, the check for misspelt names and `pylon-kafka config` cannot drift away
// from what is decoded. No error and nothing that [Setting.Show] returns holds a
// secret. The functions are safe for concurrent use.
package settings
