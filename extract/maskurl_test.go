package extract_test

import (
	"strings"
	"testing"

	"pylon-kafka/extract"
)

const hidden = "hunter2"

func TestMaskURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://host:8081/a/b":                     "https://host:8081/a/b",
		"http://user:" + hidden + "@host/token":     "http://******@host/token",
		"https://host/token?secret=" + hidden:       "https://host/token?******",
		"https://host/#" + hidden:                   "https://host/#******",
		"http://u:" + hidden + "@host:port/x":       "******",
		"http://u:" + hidden + "@ho st\x7f":         "******",
		"user:" + hidden + "@host":                  "******",
		"kafka-0:9092":                              "kafka-0:9092",
		"kafka":                                     "kafka",
		"":                                          "",
		"https://user:" + hidden + "@h?a=" + hidden: "https://******@h?******",
	} {
		got := extract.MaskURL(text)
		if got != want || strings.Contains(got, hidden) {
			t.Errorf("MaskURL(%q) = %q, want %q", text, got, want)
		}
	}
}
