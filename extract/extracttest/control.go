package extracttest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

// Requests returns how many requests each endpoint has had, those refused for
// the limit included and those without a valid token left out. Endpoints are
// named like streams, and issues_search, issues_list, issues_get, me; what reads
// a single object has _get behind the stream, and what changes one _write.
func (a *API) Requests() map[string]int {
	a.traffic.mu.Lock()
	defer a.traffic.mu.Unlock()
	return maps.Clone(a.traffic.requests)
}

// Rejected is how many requests the limits have refused with 429.
func (a *API) Rejected() int {
	a.traffic.mu.Lock()
	defer a.traffic.mu.Unlock()
	return a.traffic.rejected
}

// Violations returns what clients did that the real API would let pass or answer
// with harm: a POST /issues, which creates an issue; a cursor or limit in the
// query of a search; a request without a valid token or for an unknown path. The
// first thousand are kept.
func (a *API) Violations() []string {
	a.traffic.mu.Lock()
	defer a.traffic.mu.Unlock()
	return slices.Clone(a.traffic.violations)
}

// ResetCounts sets requests, rejections and violations back to none. What has
// been taken of the limits stays taken.
func (a *API) ResetCounts() {
	a.traffic.mu.Lock()
	defer a.traffic.mu.Unlock()
	clear(a.traffic.requests)
	a.traffic.rejected, a.traffic.violations = 0, nil
}

// routeControl adds the control of the sandbox, which needs no token:
//
//	GET    /_sandbox/stats             counts of requests and objects
//	GET    /_sandbox/objects/{stream}  every object that exists now
//	GET    /_sandbox/history           every version of every changed object
//	POST   /_sandbox/mutate            {"n": 10, "seed": 1}: makes random changes
//	GET    /_sandbox/fail              the faults that have a name
//	POST   /_sandbox/fail              {"name": "parent-5xx=<issue>"}, or a Fault, or
//	                                   a list of them; delay and date_ahead as "1.5s"
//	DELETE /_sandbox/fail              forgets faults that have not happened
func (a *API) routeControl(mux *http.ServeMux) {
	mux.HandleFunc("GET /_sandbox/stats", a.controlStats)
	mux.HandleFunc("GET /_sandbox/objects/{stream}", a.controlObjects)
	mux.HandleFunc("GET /_sandbox/history", a.controlHistory)
	mux.HandleFunc("POST /_sandbox/mutate", a.controlMutate)
	mux.HandleFunc("GET /_sandbox/fail", func(w http.ResponseWriter, _ *http.Request) {
		controlJSON(w, http.StatusOK, struct {
			Faults []NamedFault `json:"faults"`
		}{NamedFaults()})
	})
	mux.HandleFunc("POST /_sandbox/fail", a.controlFail)
	mux.HandleFunc("DELETE /_sandbox/fail", func(w http.ResponseWriter, _ *http.Request) {
		a.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("/_sandbox/", func(w http.ResponseWriter, r *http.Request) {
		controlError(w, http.StatusNotFound, fmt.Errorf("no %s %s", r.Method, r.URL.Path))
	})
}

func controlError(w http.ResponseWriter, status int, err error) {
	controlJSON(w, status, struct {
		Error string `json:"error"`
	}{err.Error()})
}

func controlJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	send(w, status, append(body, '\n'), len(body)+1)
}

func (a *API) controlStats(w http.ResponseWriter, _ *http.Request) {
	objects := map[string]int{}
	for _, stream := range Streams() {
		objects[stream] = a.Count(stream)
	}
	controlJSON(w, http.StatusOK, struct {
		Now        time.Time      `json:"now"`
		Requests   map[string]int `json:"requests"`
		Rejected   int            `json:"rejected"`
		Violations []string       `json:"violations"`
		FaultsLeft int            `json:"faults_left"`
		Objects    map[string]int `json:"objects"`
	}{a.Now(), a.Requests(), a.Rejected(), a.Violations(), a.FaultsLeft(), objects})
}

func (a *API) controlObjects(w http.ResponseWriter, r *http.Request) {
	stream := r.PathValue("stream")
	if !slices.Contains(Streams(), stream) {
		controlError(w, http.StatusNotFound, fmt.Errorf("no stream %q", stream))
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	line := []byte(`{"objects":[`)
	separator := "\n"
	for key, object := range a.Objects(stream) {
		line = append(line, separator...)
		line = appendJSON(line, objectLine{key, a.Parent(stream, key), object})
		if _, err := w.Write(line); err != nil {
			return
		}
		line, separator = line[:0], ",\n"
	}
	_, _ = w.Write(append(line, "\n]}\n"...)) // a client that has left needs no answer
}

// objectLine is an object as /_sandbox/objects shows it.
type objectLine struct {
	Key    string          `json:"key"`
	Parent string          `json:"parent"`
	Object json.RawMessage `json:"object"`
}

// versionJSON is a Version as /_sandbox/history shows it.
type versionJSON struct {
	Stream   string          `json:"stream"`
	Key      string          `json:"key"`
	Parent   string          `json:"parent,omitempty"`
	Revision int             `json:"revision"`
	At       time.Time       `json:"at,omitzero"`
	Deleted  bool            `json:"deleted,omitempty"`
	Served   bool            `json:"served,omitempty"`
	Object   json.RawMessage `json:"object,omitempty"`
}

func (a *API) controlHistory(w http.ResponseWriter, _ *http.Request) {
	versions := []versionJSON{}
	for _, v := range a.History() {
		versions = append(versions, versionJSON{v.Stream, v.Key, v.Parent, v.Revision, v.At, v.Deleted, v.Served, v.JSON})
	}
	controlJSON(w, http.StatusOK, struct {
		Versions []versionJSON `json:"versions"`
	}{versions})
}

// maxMutations bounds what one request changes.
const maxMutations = 100_000

func (a *API) controlMutate(w http.ResponseWriter, r *http.Request) {
	in := struct {
		N    int    `json:"n"`
		Seed uint64 `json:"seed"`
	}{N: 1, Seed: a.serial.Add(1)}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil && r.ContentLength != 0 {
		controlError(w, http.StatusBadRequest, fmt.Errorf("mutate: %w", err))
		return
	}
	if in.N < 0 || in.N > maxMutations {
		controlError(w, http.StatusBadRequest, fmt.Errorf("mutate: n must be from 0 to %d", maxMutations))
		return
	}
	rng := rand.New(rand.NewPCG(in.Seed, 3))
	controlJSON(w, http.StatusOK, struct {
		Changes []Change `json:"changes"`
	}{append([]Change{}, a.Mutate(rng, in.N)...)})
}

// faultJSON is a Fault whose durations are text, such as "1.5s", or the name of
// one.
type faultJSON struct {
	Fault

	Name      string `json:"name"`
	Delay     string `json:"delay"`
	DateAhead string `json:"date_ahead"`
}

// faults returns what is to be queued.
func (in *faultJSON) faults(a *API) ([]Fault, error) {
	if in.Name != "" {
		return a.named(in.Name)
	}
	f := in.Fault
	for _, d := range []struct {
		text string
		to   *time.Duration
	}{{in.Delay, &f.Delay}, {in.DateAhead, &f.DateAhead}} {
		if d.text == "" {
			continue
		}
		var err error
		if *d.to, err = time.ParseDuration(d.text); err != nil {
			return nil, err
		}
	}
	return []Fault{f}, nil
}

// controlFail queues all of the faults, or none if one of them is wrong.
func (a *API) controlFail(w http.ResponseWriter, r *http.Request) {
	faults, err := a.decodeFaults(r.Body)
	if err != nil {
		controlError(w, http.StatusBadRequest, fmt.Errorf("fail: %w", err))
		return
	}
	a.Fail(faults...)
	w.WriteHeader(http.StatusNoContent)
}

func (a *API) decodeFaults(body io.Reader) ([]Fault, error) {
	var text json.RawMessage
	if err := json.NewDecoder(body).Decode(&text); err != nil {
		return nil, err
	}
	if len(text) > 0 && text[0] != '[' {
		text = slices.Concat([]byte{'['}, text, []byte{']'})
	}
	var list []faultJSON
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, err
	}
	var all []Fault
	for i := range list {
		faults, err := list[i].faults(a)
		if err != nil {
			return nil, err
		}
		all = append(all, faults...)
	}
	return all, nil
}
