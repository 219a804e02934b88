// Package web is the HTTP server of a process: the status page, what probes ask
// for, metrics, and the streams as JSON.
package web
