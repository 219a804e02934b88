// Package helm holds the tests of the chart in the folder pylon-kafka. They
// render it with Helm's own library, read what comes out with Kubernetes' own
// types, and hold alerts and dashboard to the metrics that the program really
// serves.
//
// It is a module of its own so that nobody who builds the program downloads
// Helm and Kubernetes. .ci/chart runs it.
package helm
