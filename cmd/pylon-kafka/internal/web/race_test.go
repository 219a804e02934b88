//go:build race

package web

// raceDetector says that everything takes ten times as long.
const raceDetector = true
