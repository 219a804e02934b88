// Package build says what this binary was made of. The main package passes in
// what the linker was told; what it was not told comes from Go's own notes.
package build

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Info is what a binary was made of.
type Info struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Read returns what the build was told, and else what Go noted itself. Nothing
// in it is empty.
func Read(version, commit string) Info {
	b := Info{Version: version, Commit: commit, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.Version = cmp.Or(b.Version, info.Main.Version)
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Commit = cmp.Or(b.Commit, s.Value)
			}
		}
	}
	b.Version = cmp.Or(b.Version, "(devel)")
	b.Commit = cmp.Or(b.Commit, "unknown")
	return b
}

func (b Info) String() string {
	return fmt.Sprintf("%s (commit %s, %s, %s)", b.Version, b.Commit, b.Go, b.Platform)
}
