package extract

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// bases answers one knowledge base without articles, and counts.
type bases struct {
	mu    sync.Mutex
	asked int
	fail  func(r *http.Request) (*http.Response, error) // nil: it does not
}

func (b *bases) RoundTrip(r *http.Request) (*http.Response, error) {
	return transport(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path != "/knowledge-bases" {
			return response(200, `{"data":[{"id":"a"}],"request_id":"r"}`), nil
		}
		b.mu.Lock()
		b.asked++
		fail := b.fail
		b.mu.Unlock()
		if fail != nil {
			return fail(r)
		}
		advance(time.Second)
		return response(200, `{"data":[{"id":"k1"}],"request_id":"r"}`), nil
	}).RoundTrip(r)
}

func TestRefresh_asksOnceForAListThatTwoStreamsNeed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &bases{}
		c := newTestClient(t, api)
		both := func() {
			t.Helper()
			var wg sync.WaitGroup
			for _, name := range []string{"knowledge_bases", "knowledge_base_articles"} {
				wg.Go(func() {
					pages, last, err := refreshAll(t.Context(), c, stream(t, name))
					if err != nil || len(pages) != 1 || len(pages[0]) != 1 || !last[0] {
						t.Errorf("%s: %v, %v", name, pages, err)
					}
				})
			}
			wg.Wait()
		}
		for pass := range 3 {
			both()
			if api.asked != pass+1 {
				t.Errorf("asked %d times in %d passes", api.asked, pass+1)
			}
		}
		// A stream alone gets a new list each time, and an old one is nobody's.
		api.asked = 0
		for range 2 {
			if _, _, err := refreshAll(t.Context(), c, stream(t, "knowledge_bases")); err != nil {
				t.Fatal(err)
			}
		}
		advance(2 * shareFor)
		if _, _, err := refreshAll(t.Context(), c, stream(t, "knowledge_base_articles")); err != nil {
			t.Fatal(err)
		}
		if api.asked != 3 {
			t.Errorf("asked %d times, want 3", api.asked)
		}
	})
}

func TestRefresh_doesNotWaitForSomebodyElsesTrouble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &bases{fail: func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}}
		c := newTestClient(t, api)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, _, err := refreshAll(ctx, c, stream(t, "knowledge_bases")); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
		})
		synctest.Wait()
		api.mu.Lock()
		api.fail = nil
		api.mu.Unlock()
		began := time.Now()
		if _, _, err := refreshAll(ctx, c, stream(t, "knowledge_base_articles")); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > shareWait+2*time.Second {
			t.Errorf("it took %s", took)
		}
		ended, stop := context.WithCancel(t.Context())
		stop()
		if _, _, err := refreshAll(ended, c, stream(t, "knowledge_base_articles")); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		cancel()
		wg.Wait()
		// Who failed leaves no list behind.
		if _, _, err := refreshAll(t.Context(), c, stream(t, "knowledge_bases")); err != nil {
			t.Error(err)
		}
	})
}
