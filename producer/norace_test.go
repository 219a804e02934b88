//go:build !race

package producer_test

const slowdown = 1
