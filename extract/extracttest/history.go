package extracttest

import "time"

// objectRef names an object of any stream.
type objectRef struct{ stream, key string }

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

// versions returns the whole log as History does, but for what was served.
func (w *workspace) versions() []Version {
	w.store.RLock()
	list := w.log.list // what is in it is never changed
	w.store.RUnlock()
	versions := make([]Version, len(list))
	for i, v := range list {
		versions[i] = Version{
			Stream: v.stream, Key: v.key, Parent: v.parent, Revision: v.rev, At: v.at, Deleted: v.deleted,
		}
		if v.render != nil {
			versions[i].JSON = v.render()
		}
	}
	return versions
}
