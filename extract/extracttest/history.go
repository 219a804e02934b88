package extracttest

import "time"

// objectRef names an object of any stream.
type objectRef struct{ stream, key string }

// servedVersion is a version of an object that an answer has shown.
type servedVersion struct {
	objectRef
	rev int
}

// Version is one state of an object that was changed since the start.
type Version struct {
	Stream, Key string
	Parent      string // id of the issue or knowledge base, if it has one
	// Revision tells versions of an object apart and grows: 0 is what it began
	// as. A deletion has one of its own.
	Revision int
	// At is when it came about by the server's clock; zero if it was there at
	// the start.
	At      time.Time
	Deleted bool
	// Served is true if an answer that arrived whole has shown this version;
	// known with Options.RecordServed only.
	Served bool
	// JSON is the object as the API would have sent it at that time; nil if
	// Deleted.
	JSON []byte
}

// versionLog holds every version of every changed object in the order in which
// they came about. What an object began as comes right before its first change.
type versionLog struct {
	known map[objectRef]int // last revision
	list  []loggedVersion
}

type loggedVersion struct {
	objectRef
	parent  string
	rev     int
	at      time.Time
	deleted bool
	render  func() []byte // keeps what it needs of the version
}

// began logs what an object was at the start, once. An object made since then is
// known already.
func (l *versionLog) began(ref objectRef, parent string, render func() []byte) {
	if _, known := l.known[ref]; known {
		return
	}
	l.add(ref, parent, 0, time.Time{}, render)
}

// add logs a version; one without render is a deletion.
func (l *versionLog) add(ref objectRef, parent string, rev int, at time.Time, render func() []byte) {
	l.known[ref] = rev
	l.list = append(l.list, loggedVersion{ref, parent, rev, at, render == nil, render})
}

// History returns every version of every object that was changed, made or
// deleted since the start, in the order in which they came about. Filtered by
// object it is that object's life: what it began as (At is zero) or its
// creation, its changes, its deletion. Objects that are not in it are what
// Objects says, and always were.
func (a *API) History() []Version {
	a.store.RLock()
	list := a.log.list // what is in it is never changed
	a.store.RUnlock()
	a.traffic.Lock()
	defer a.traffic.Unlock()
	versions := make([]Version, len(list))
	for i, v := range list {
		versions[i] = Version{
			Stream: v.stream, Key: v.key, Parent: v.parent, Revision: v.rev, At: v.at, Deleted: v.deleted,
			Served: a.served[servedVersion{v.objectRef, v.rev}],
		}
		if v.render != nil {
			versions[i].JSON = v.render()
		}
	}
	return versions
}

// show notes that the answer shows a version.
func (x *exchange) show(stream string, id uuid, rev int) {
	if x.api.opts.RecordServed {
		x.showKey(stream, id.String(), rev)
	}
}

func (x *exchange) showKey(stream, key string, rev int) {
	if x.api.opts.RecordServed {
		x.shown = append(x.shown, servedVersion{objectRef{stream, key}, rev})
	}
}

func (a *API) recordServed(shown []servedVersion) {
	if len(shown) == 0 {
		return
	}
	a.traffic.Lock()
	defer a.traffic.Unlock()
	for _, v := range shown {
		a.served[v] = true
	}
}

// Served is the number of versions of objects of the stream that answers have
// shown, each counted once; known with Options.RecordServed only.
func (a *API) Served(stream string) int {
	a.traffic.Lock()
	defer a.traffic.Unlock()
	n := 0
	for v := range a.served {
		if v.stream == stream {
			n++
		}
	}
	return n
}
