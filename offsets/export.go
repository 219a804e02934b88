package offsets

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// longestLine is how long a line of an export may be.
const longestLine = 16 << 20

// Encode writes entries as lines of JSON, one for each stream, sorted by stream.
func Encode(w io.Writer, entries map[string]Entry) error {
	for _, stream := range slices.Sorted(maps.Keys(entries)) {
		line, err := json.Marshal(entries[stream])
		if err != nil {
			return fmt.Errorf("cursor of %s: %w", stream, err)
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("write cursor of %s: %w", stream, err)
		}
	}
	return nil
}

// Decode reads what [Encode] has written; empty lines are passed over. streams are
// those that may be named. The error joins all that is wrong, each with its line:
// no entry of this version, a stream that is not known or is named twice. Input
// without an entry is an error too.
func Decode(r io.Reader, streams []string) (map[string]Entry, error) {
	entries := make(map[string]Entry)
	var errs []error
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestLine)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		e, err := parse(line, "")
		_, twice := entries[e.Stream]
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("line %d: %w", n, err))
		case !slices.Contains(streams, e.Stream):
			errs = append(errs, fmt.Errorf("line %d: no stream is named %q", n, e.Stream))
		case twice:
			errs = append(errs, fmt.Errorf("line %d: a second cursor of %s", n, e.Stream))
		default:
			entries[e.Stream] = e
		}
	}
	if err := lines.Err(); err != nil {
		errs = append(errs, fmt.Errorf("read cursors: %w", err))
	}
	if len(entries) == 0 && len(errs) == 0 {
		errs = append(errs, errors.New("no cursor in the input"))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return entries, nil
}
