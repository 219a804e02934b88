// Package demo is the world of the demo: a sandbox of the Pylon API, a Kafka
// broker and a schema registry in this process, kept in a folder so that a second
// demo finds what the first one left. [Open] a [World], let a service read it with
// the settings of [World.Environment], and let it [World.Change].
package demo
