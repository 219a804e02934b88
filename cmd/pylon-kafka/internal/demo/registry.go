package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"sync"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

// fileRegistry is an in-process schema registry that keeps its schemas in a
// file. The ids that it gives are part of the records in the demo's folder, so
// they must be the same when the folder is used again.
type fileRegistry struct {
	registry http.Handler
	path     string
	mu       sync.Mutex // one change at a time
}

// openRegistry makes a registry with the schemas that path holds, if any.
func openRegistry(path string) (*fileRegistry, error) {
	registry := srfake.NewRegistry()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the demo's schemas: %w", err)
	}
	var schemas []sr.SubjectSchema
	if len(text) > 0 {
		if err := json.Unmarshal(text, &schemas); err != nil {
			return nil, fmt.Errorf("read the demo's schemas in %s: %w", path, err)
		}
	}
	seeded := make(map[int]bool)
	for _, s := range schemas {
		if !seeded[s.ID] {
			registry.SeedSchema(s.Subject, s.Version, s.ID, s.Schema)
			seeded[s.ID] = true
		} else if _, _, err := registry.RegisterSchema(s.Subject, s.Schema); err != nil { // it takes the same id
			return nil, fmt.Errorf("read the demo's schemas in %s: %w", path, err)
		}
	}
	return &fileRegistry{registry: registry.Handler(), path: path}, nil
}

// ServeHTTP answers as the registry does. A change is in the file before it is
// answered: no record can hold an id that is not kept.
func (f *fileRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		f.registry.ServeHTTP(w, r)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	answer := newHeldResponse()
	f.registry.ServeHTTP(answer, r)
	if err := f.save(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer.sendTo(w)
}

// save writes all schemas to the file.
func (f *fileRegistry) save(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/schemas", http.NoBody)
	if err != nil {
		return err
	}
	all := newHeldResponse()
	f.registry.ServeHTTP(all, r)
	if all.status != http.StatusOK {
		return fmt.Errorf("list the demo's schemas: status %d", all.status)
	}
	return replaceFile(f.path, all.body.Bytes())
}

// heldResponse keeps an answer until it is sent.
type heldResponse struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newHeldResponse() *heldResponse {
	return &heldResponse{header: make(http.Header), status: http.StatusOK}
}

func (h *heldResponse) Header() http.Header            { return h.header }
func (h *heldResponse) WriteHeader(status int)         { h.status = status }
func (h *heldResponse) Write(body []byte) (int, error) { return h.body.Write(body) }

func (h *heldResponse) sendTo(w http.ResponseWriter) {
	for name, values := range h.header {
		w.Header()[name] = values
	}
	w.WriteHeader(h.status)
	_, _ = w.Write(h.body.Bytes()) // a client that has left is not told
}

// replaceFile writes a file so that it is never seen half written.
func replaceFile(path string, text []byte) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, text, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
