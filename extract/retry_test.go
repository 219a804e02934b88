package extract

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestClient_readsAgainWhatIsNotAPage(t *testing.T) {
	t.Parallel()
	const good = `{"data":[{"id":"a"},{"id":"b"}],"request_id":"r2"}`
	broken := errors.New("connection reset by peer")
	tests := map[string]func() (*http.Response, error){
		"500":         func() (*http.Response, error) { return response(500, `{"errors":["oops"],"request_id":"r1"}`), nil },
		"501":         func() (*http.Response, error) { return response(501, ``), nil },
		"502 as HTML": func() (*http.Response, error) { return response(502, `<html>Bad Gateway</html>`), nil },
		"503":         func() (*http.Response, error) { return response(503, ``, "Retry-After: 3"), nil },
		"408":         func() (*http.Response, error) { return response(408, ``), nil },
		"429": func() (*http.Response, error) {
			return response(429, `{"code":"rate_limited"}`, "X-Retry-After: 17"), nil
		},
		"429 without a word":   func() (*http.Response, error) { return response(429, ``), nil },
		"no answer":            func() (*http.Response, error) { return nil, broken },
		"no body":              func() (*http.Response, error) { return response(200, ``), nil },
		"204":                  func() (*http.Response, error) { return response(204, ``), nil },
		"HTML":                 func() (*http.Response, error) { return response(200, `<!doctype html><title>Login</title>`), nil },
		"somebody else's JSON": func() (*http.Response, error) { return response(200, `{}`), nil },
		"JSON null":            func() (*http.Response, error) { return response(200, `null`), nil },
		"a bare list":          func() (*http.Response, error) { return response(200, `[{"id":"a"}]`), nil },
		"an object":            func() (*http.Response, error) { return response(200, `{"data":{"id":"a"},"request_id":"r"}`), nil },
		"a text":               func() (*http.Response, error) { return response(200, `{"data":"a","request_id":"r"}`), nil },
		"data twice": func() (*http.Response, error) {
			return response(200, `{"data":[],"data":[{"id":"a"}],"request_id":"r"}`), nil
		},
		"errors in a success": func() (*http.Response, error) { return response(200, `{"errors":["no"],"request_id":"r"}`), nil },
		"cut within a record": func() (*http.Response, error) { return response(200, `{"data":[{"id":"a"},{"i`), nil },
		"cut after a record":  func() (*http.Response, error) { return response(200, `{"data":[{"id":"a"}`), nil },
		"cut after the list":  func() (*http.Response, error) { return response(200, `{"data":[{"id":"a"}]`), nil },
		"cut before the end":  func() (*http.Response, error) { return response(200, `{"data":[{"id":"a"}],"request_id":"r"`), nil },
		"malformed record": func() (*http.Response, error) {
			return response(200, `{"data":[{"id":"a"},{"id":tru}],"request_id":"r"}`), nil
		},
		"malformed pagination": func() (*http.Response, error) {
			return response(200, `{"data":[{"id":"a"}],"pagination":{"has_next_page":"no"},"request_id":"r"}`), nil
		},
		"pagination is a list": func() (*http.Response, error) {
			return response(200, `{"data":[{"id":"a"}],"pagination":[],"request_id":"r"}`), nil
		},
		"something after the end": func() (*http.Response, error) { return response(200, `{"data":[{"id":"a"}],"request_id":"r"}{}`), nil },
		"garbage after the end":   func() (*http.Response, error) { return response(200, `{"data":[{"id":"a"}],"request_id":"r"}x`), nil },
		"connection breaks":       func() (*http.Response, error) { return brokenBody(`{"data":[{"id":"a"}`, broken), nil },
		"connection breaks at end": func() (*http.Response, error) {
			return brokenBody(`{"data":[{"id":"a"}],"request_id":"r"}`, broken), nil
		},
		"promise without data": func() (*http.Response, error) {
			return response(200, `{"pagination":{"has_next_page":true,"cursor":"x"},"request_id":"r"}`), nil
		},
		"promise and null": func() (*http.Response, error) {
			return response(200, `{"data":null,"pagination":{"has_next_page":true,"cursor":"x"},"request_id":"r"}`), nil
		},
		"promise and an empty list": func() (*http.Response, error) {
			return response(200, `{"data":[],"pagination":{"has_next_page":true,"cursor":"x"},"request_id":"r"}`), nil
		},
		"promise without a cursor": func() (*http.Response, error) {
			return response(200, `{"data":[{"id":"a"}],"pagination":{"has_next_page":true},"request_id":"r"}`), nil
		},
		"a silent connection":        func() (*http.Response, error) { return brokenBody(`{"data":[`, nil), nil },
		"a body that ends in errors": func() (*http.Response, error) { return brokenBody(``, io.ErrUnexpectedEOF), nil },
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				c := newTestClient(t, transport(func(r *http.Request) (*http.Response, error) {
					if requests++; requests > 2 {
						return response(200, good), nil
					}
					resp, err := fault()
					if resp != nil {
						if b, ok := resp.Body.(*body); ok {
							b.ctx = r.Context()
						}
					}
					return resp, err
				}))
				pages, _, err := refreshAll(t.Context(), c, stream(t, "tags"))
				if err != nil {
					t.Fatal(err)
				}
				assertEqual(t, "pages", pages, [][]string{{"a", "b"}})
				if requests != 3 || c.Usage()["tags"].Requests != 3 {
					t.Errorf("%d requests, %d counted, want 3", requests, c.Usage()["tags"].Requests)
				}
			})
		})
	}
}

// body is a body that fails after some text; without an error it falls silent
// until its request ends.
type body struct {
	ctx  context.Context //nolint:containedctx // It stands for the request that the body belongs to.
	text io.Reader
	err  error
}

func brokenBody(text string, err error) *http.Response {
	resp := response(200, "")
	resp.Body = &body{text: strings.NewReader(text), err: err}
	return resp
}

func (b *body) Close() error { return nil }

func (b *body) Read(p []byte) (int, error) {
	if n, _ := b.text.Read(p); n > 0 {
		return n, nil
	}
	if b.err != nil {
		return 0, b.err
	}
	<-b.ctx.Done()
	return 0, b.ctx.Err()
}

func TestClient_waitsAsLongAsTheAPISays(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		headers []string
		want    time.Duration
	}{
		"X-Retry-After":    {[]string{"X-Retry-After: 17"}, 17 * time.Second},
		"Retry-After":      {[]string{"Retry-After: 5"}, 5 * time.Second},
		"a date":           {[]string{"Retry-After: Sat, 01 Jan 2000 00:00:12 GMT", "Date: Sat, 01 Jan 2000 00:00:02 GMT"}, 10 * time.Second},
		"both":             {[]string{"X-Retry-After: 7", "Retry-After: 60"}, 7 * time.Second},
		"far too long":     {[]string{"X-Retry-After: 86400"}, 90 * time.Second},
		"one without use":  {[]string{"X-Retry-After: soon", "Retry-After: 4"}, 4 * time.Second},
		"fractions":        {[]string{"X-Retry-After: 1.5"}, 1500 * time.Millisecond},
		"an absurd number": {[]string{"X-Retry-After: 1e300"}, 90 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				requests, began := 0, time.Now()
				c := newTestClient(t, transport(func(*http.Request) (*http.Response, error) {
					if requests++; requests == 1 {
						return response(429, `{"code":"rate_limited","request_id":"r"}`, tt.headers...), nil
					}
					if waited := time.Since(began); waited != tt.want {
						t.Errorf("waited %s, want %s", waited, tt.want)
					}
					return response(200, `{"request_id":"r"}`), nil
				}))
				if _, _, err := refreshAll(t.Context(), c, stream(t, "tags")); err != nil {
					t.Fatal(err)
				}
				// Other requests to the endpoint waited too, others did not have to.
				if c.limiters["tags"].paused.IsZero() || !c.limiters["teams"].paused.IsZero() {
					t.Error("the pause is not that of the endpoint")
				}
			})
		})
	}
}

func TestClient_givesUpOnAPageThatStaysImpossible(t *testing.T) {
	t.Parallel()
	page := func(cursor string) string {
		return `{"data":[{"id":"x"}],"pagination":{"has_next_page":true,"cursor":"` + cursor + `"},"request_id":"r"}`
	}
	tests := map[string]struct {
		next func(cursor string) string // the body for a cursor
		want string
	}{
		"repeats itself":  {func(string) string { return page("same") }, `"same"`},
		"goes in circles": {func(c string) string { return page(map[string]string{"": "a", "a": "b", "b": "c", "c": "a"}[c]) }, "leads back"},
		"back after many": {func(c string) string {
			n, _ := strconv.Atoi(c)
			return page(strconv.Itoa(n%40 + 1))
		}, "leads back"},
		"promises only": {func(string) string {
			return `{"pagination":{"has_next_page":true,"cursor":"x"},"request_id":"r"}`
		}, "holds no data"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := 0
				c := newTestClient(t, transport(func(r *http.Request) (*http.Response, error) {
					n++
					return response(200, tt.next(r.URL.Query().Get("cursor"))), nil
				}))
				_, _, err := refreshAll(t.Context(), c, stream(t, "accounts"))
				if !errors.Is(err, errPage) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %v, want one with %s", err, tt.want)
				}
				if n > 300 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

func TestClient_doesNotWaitForEver(t *testing.T) {
	t.Parallel()
	t.Run("for an answer", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			n, began := 0, time.Now()
			c := newTestClient(t, transport(func(r *http.Request) (*http.Response, error) {
				if n++; n == 1 {
					<-r.Context().Done()
					return nil, r.Context().Err()
				}
				return response(200, `{"request_id":"r"}`), nil
			}))
			if _, _, err := refreshAll(t.Context(), c, stream(t, "tags")); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took < headerTimeout || took > headerTimeout+time.Second {
				t.Errorf("took %s", took)
			}
		})
	})
	t.Run("while a slow body comes in", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			n := 0
			c := newTestClient(t, transport(func(*http.Request) (*http.Response, error) {
				n++
				resp := response(200, "")
				resp.Body = io.NopCloser(&drip{text: `{"data":[{"id":"a"}],"request_id":"r"}`, every: 20 * time.Second})
				return resp, nil
			}))
			if _, _, err := refreshAll(t.Context(), c, stream(t, "tags")); err != nil {
				t.Fatal(err)
			}
			if n != 1 {
				t.Errorf("%d requests, want 1: bytes came in all the time", n)
			}
		})
	})
	t.Run("for a body without end", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			n, began := 0, time.Now()
			c := newTestClient(t, transport(func(r *http.Request) (*http.Response, error) {
				if n++; n == 1 {
					resp := response(200, "")
					resp.Body = io.NopCloser(&drip{ctx: r.Context(), text: strings.Repeat(" ", 1<<16), every: 20 * time.Second})
					return resp, nil
				}
				return response(200, `{"request_id":"r"}`), nil
			}))
			if _, _, err := refreshAll(t.Context(), c, stream(t, "tags")); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took < tryTimeout || took > tryTimeout+time.Minute {
				t.Errorf("took %s", took)
			}
		})
	})
	t.Run("when it is told to stop", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			stop := errors.New("stop")
			for _, name := range []string{"in a request", "in a backoff"} {
				ctx, cancel := context.WithCancelCause(t.Context())
				c := newTestClient(t, transport(func(r *http.Request) (*http.Response, error) {
					if name == "in a backoff" {
						return response(500, ""), nil
					}
					<-r.Context().Done()
					return nil, r.Context().Err()
				}))
				time.AfterFunc(10*time.Second, func() { cancel(stop) })
				began := time.Now()
				if _, _, err := refreshAll(ctx, c, stream(t, "tags")); !errors.Is(err, stop) {
					t.Errorf("%s: error %v, want the context's cause", name, err)
				}
				if took := time.Since(began); took != 10*time.Second {
					t.Errorf("%s: took %s", name, took)
				}
			}
		})
	})
}

// drip is a body that comes byte by byte.
type drip struct {
	ctx   context.Context //nolint:containedctx // It stands for the request that the body belongs to.
	text  string
	every time.Duration
}

func (d *drip) Read(p []byte) (int, error) {
	if d.ctx != nil && d.ctx.Err() != nil {
		return 0, d.ctx.Err()
	}
	if d.text == "" {
		return 0, io.EOF
	}
	advance(d.every)
	p[0] = d.text[0]
	d.text = d.text[1:]
	return 1, nil
}

func TestClient_logsFailuresAndDoesNotFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		logger, text := logBuffer()
		n := 0
		c, err := NewClient(testConfig(), Options{Logger: logger, Transport: transport(func(*http.Request) (*http.Response, error) {
			if n++; n <= 12 {
				return response(500, `{"errors":["oops `+testToken+`"],"request_id":"r-7"}`), nil
			}
			return response(200, `{"request_id":"r"}`), nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, _, err := refreshAll(t.Context(), c, stream(t, "tags")); err != nil {
			t.Fatal(err)
		}
		warnings := strings.Count(text.String(), "level=WARN")
		if most := int(time.Since(began)/warnEvery) + 1; warnings < 1 || warnings > most {
			t.Errorf("%d warnings in %s, want 1 to %d", warnings, time.Since(began), most)
		}
		for _, part := range []string{"attempt=1", "request_id=r-7", "endpoint=tags", "oops", "GET /tags"} {
			if !strings.Contains(text.String(), part) {
				t.Errorf("log lacks %q:\n%s", part, text)
			}
		}
		if strings.Contains(text.String(), testToken) {
			t.Error("the log holds the token")
		}
	})
}

func FuzzParseRetryAfter(f *testing.F) {
	f.Add("17", "")
	f.Add("", "Sat, 01 Jan 2000 00:00:12 GMT")
	f.Add("NaN", "-1")
	f.Add("1e999", "0x10")
	f.Fuzz(func(t *testing.T, pylon, standard string) {
		h := http.Header{"X-Retry-After": {pylon}, "Retry-After": {standard}}
		if d := parseRetryAfter(h, time.Now()); d < 0 || d > retryAfterCap {
			t.Errorf("%q, %q: %s", pylon, standard, d)
		}
	})
}

func TestBackoff_growsToItsCap(t *testing.T) {
	t.Parallel()
	var got []time.Duration
	for try := 1; try <= 9; try++ {
		got = append(got, backoff(try))
	}
	s := time.Second
	assertEqual(t, "limits", got, []time.Duration{s / 2, s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s, 60 * s, 60 * s})
	if backoff(1<<40) != backoffCap {
		t.Error("no cap")
	}
	c := newTestClient(t, nil)
	for range 1000 {
		if d := c.jitter(s); d <= 0 || d > s {
			t.Fatalf("jitter %s of 1s", d)
		}
	}
}
