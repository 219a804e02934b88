// Package tail reads the committed records of a topic without a consumer group
// and prints each as a line of JSON. [Run] does all of it; a [Reader] reads alone.
package tail
