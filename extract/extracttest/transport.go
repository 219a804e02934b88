package extracttest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
)

// Transport returns a transport that hands requests for any host to the sandbox
// without a network. Everything then happens in the caller's goroutine: in a
// bubble of testing/synctest time runs by itself, so that a test of an hour's
// pacing takes a moment. Faults that cut a connection are errors of the request
// or of reading the body. It is safe for concurrent use.
func (a *API) Transport() http.RoundTripper { return transport{a} }

type transport struct{ api *API }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
	}
	w := &memoryWriter{header: http.Header{}}
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	t.serve(w, in)
	if err := context.Cause(r.Context()); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if w.status == 0 {
		return nil, fmt.Errorf("sandbox: connection dropped: %w", io.EOF)
	}
	body, length := io.Reader(bytes.NewReader(w.body)), int64(len(w.body))
	if w.aborted {
		body, length = io.MultiReader(body, brokenReader{}), -1
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(body), ContentLength: length, Request: r,
	}, nil
}

// serve answers the request, and notes if the handler cut it off.
func (t transport) serve(w *memoryWriter, r *http.Request) {
	defer func() {
		switch cause := recover(); cause {
		case nil:
		case http.ErrAbortHandler:
			w.aborted = true
		default:
			panic(cause)
		}
	}()
	t.api.ServeHTTP(w, r)
}

// memoryWriter holds an answer.
type memoryWriter struct {
	header  http.Header
	body    []byte
	status  int
	aborted bool
}

func (w *memoryWriter) Header() http.Header { return w.header }

func (w *memoryWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *memoryWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.body = append(w.body, p...)
	return len(p), nil
}

// Flush has nothing to do.
func (w *memoryWriter) Flush() {}

// brokenReader is the rest of a body whose connection was cut.
type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
