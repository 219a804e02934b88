//go:build race

package producer_test

// slowdown is by how much what is measured may take longer with the race detector,
// which makes everything several times as expensive.
const slowdown = 3
