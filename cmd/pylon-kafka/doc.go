// Command pylon-kafka copies the streams of the Pylon customer-support API into
// Kafka topics, in transactions that carry the cursor along.
//
// This package is wiring and nothing else: it turns the environment into the
// settings of the packages below it, builds one [producer.Pipeline] from them,
// gives it a context that ends with the first SIGINT or SIGTERM, and turns its
// error into an exit code. What a stream is, how a page becomes Avro and how a
// transaction is committed is the business of extract, avro and producer. What is
// a package by itself is one below internal: the settings, what command lines have
// alike (cli), the worlds of demo and sandbox, output for a terminal, the decoding
// of topics for tail, the HTTP server.
//
// Start reading at run in root.go: it takes arguments, environment and writers,
// and is what the tests call. Every subcommand has a file of its own with a
// constructor (newSyncCommand in sync.go) that does the work in its RunE; what
// they get is the app of app.go.
//
// Exit codes: 0 done, or stopped on request; 1 failed; 2 bad usage or settings;
// 3 Pylon refused the token; 4 another instance took over; 130 and 143: SIGINT
// and SIGTERM interrupted it before it was done, which run, tail, sandbox and
// demo --keep never are.
package main
