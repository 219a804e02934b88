package extracttest

import (
	"encoding/json"
	"fmt"
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
	a.traffic.Lock()
	defer a.traffic.Unlock()
	return maps.Clone(a.requests)
}

// Rejected is how many requests the limits have refused with 429.
func (a *API) Rejected() int {
	a.traffic.Lock()
	defer a.traffic.Unlock()
	return a.rejected
}

// Violations returns what clients did that the real API would let pass or answer
// with harm: a POST /issues, which creates an issue; a cursor or limit in the
// query of a search; a request without a valid token or for an unknown path. The
// first thousand are kept.
func (a *API) Violations() []string {
	a.traffic.Lock()
	defer a.traffic.Unlock()
	return slices.Clone(a.violations)
}

// ResetCounts sets requests, rejections and violations back to none. What has
// been taken of the limits stays taken.
func (a *API) ResetCounts() {
	a.traffic.Lock()
	defer a.traffic.Unlock()
	clear(a.requests)
	a.rejected, a.violations = 0, nil
}

// routeControl adds the control of the sandbox, which needs no token:
//
//	GET    /_sandbox/stats             counts of requests and objects
//	GET    /_sandbox/objects/{stream}  every object that exists now
//	GET    /_sandbox/history           every version of every changed object
//	POST   /_sandbox/mutate            {"n": 10, "seed": 1}: makes random changes
//	POST   /_sandbox/fail              a Fault, or a list; delays as "1.5s"
//	DELETE /_sandbox/fail              forgets faults that have not happened
func (a *API) routeControl(mux *http.ServeMux) {
	mux.HandleFunc("GET /_sandbox/stats", a.controlStats)
	mux.HandleFunc("GET /_sandbox/objects/{stream}", a.controlObjects)
	mux.HandleFunc("GET /_sandbox/history", a.controlHistory)
	mux.HandleFunc("POST /_sandbox/mutate", a.controlMutate)
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
	first := true
	for key, object := range a.Objects(stream) {
		if !first {
			line = append(line, ',')
		}
		first = false
		line = append(line, "\n{\"key\":"...)
		line = appendString(line, key)
		line = append(line, `,"parent":`...)
		line = appendString(line, a.Parent(stream, key))
		line = append(line, `,"object":`...)
		line = append(line, object...)
		line = append(line, '}')
		if _, err := w.Write(line); err != nil {
			return
		}
		line = line[:0]
	}
	_, _ = w.Write(append(line, "\n]}\n"...)) // a client that is gone needs no answer
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

// faultJSON is a Fault whose delay is text, such as "1.5s".
type faultJSON struct {
	Fault

	Delay string `json:"delay"`
}

func (a *API) controlFail(w http.ResponseWriter, r *http.Request) {
	var text json.RawMessage
	err := json.NewDecoder(r.Body).Decode(&text)
	var list []faultJSON
	if err == nil {
		if len(text) > 0 && text[0] == '[' {
			err = json.Unmarshal(text, &list)
		} else {
			list = make([]faultJSON, 1)
			err = json.Unmarshal(text, &list[0])
		}
	}
	var faults []Fault
	for _, in := range list {
		if in.Delay != "" && err == nil {
			in.Fault.Delay, err = time.ParseDuration(in.Delay)
		}
		faults = append(faults, in.Fault)
	}
	if err != nil {
		controlError(w, http.StatusBadRequest, fmt.Errorf("fail: %w", err))
		return
	}
	a.Fail(faults...)
	w.WriteHeader(http.StatusNoContent)
}
