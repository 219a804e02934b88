package extracttest

// servedVersion is a version of an object that an answer has shown.
type servedVersion struct {
	objectRef

	rev int
}

// History returns every version of every object that was changed, made or
// deleted since the start, in the order in which they came about. Filtered by
// object it is that object's life: what it began as (At is zero) or its
// creation, its changes, its deletion. Objects that are not in it are what
// Objects says, and always were.
func (a *API) History() []Version {
	versions := a.versions()
	a.traffic.mu.Lock()
	defer a.traffic.mu.Unlock()
	for i := range versions {
		v := &versions[i]
		v.Served = a.traffic.served[servedVersion{objectRef{v.Stream, v.Key}, v.Revision}]
	}
	return versions
}

// show notes that the answer shows a version.
func (x *exchange) show(stream, key string, rev int) {
	x.shown = append(x.shown, servedVersion{objectRef{stream, key}, rev})
}

func (a *API) recordServed(shown []servedVersion) {
	if len(shown) == 0 || !a.opts.RecordServed {
		return
	}
	a.traffic.mu.Lock()
	defer a.traffic.mu.Unlock()
	for _, v := range shown {
		a.traffic.served[v] = true
	}
}

// Served is the number of versions of objects of the stream that answers have
// shown, each counted once; known with Options.RecordServed only.
func (a *API) Served(stream string) int {
	a.traffic.mu.Lock()
	defer a.traffic.mu.Unlock()
	n := 0
	for v := range a.traffic.served {
		if v.stream == stream {
			n++
		}
	}
	return n
}
