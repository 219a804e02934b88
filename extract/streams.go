package extract

import "slices"

// Sync says how a stream is read.
type Sync string

const (
	// SyncFull reads the whole list on each pass.
	SyncFull Sync = "full"
	// SyncIssues reads what changed since the cursor.
	SyncIssues Sync = "incremental"
	// SyncChildren reads the children of one issue at a time.
	SyncChildren Sync = "per issue"
)

// Call is one way to ask the API.
type Call struct {
	Path      string // path and query below the API's URL; {id} stands for the id of the parent or object
	Endpoint  string // name of its limit in PYLON_RATE_LIMITS
	PerMinute int    // requests a minute that Pylon documents for the endpoint
	Limit     int    // page size to ask for; 0 asks for none
}

// Stream is one kind of object of the API and how to read it. Streams differ in
// data only; what reads them goes by these fields, never by the name.
type Stream struct {
	Name        string   // "issue_messages": end of the topic's name, name of the schema, value in settings
	Sync        Sync     // how it is read
	Call                 // reads it: the whole list, the list below a parent, or the search
	Scan        Call     // lists all objects by the time of their creation; without a path there is none
	Get         Call     // asks for one object; without a path there is none
	Key         string   // JSON member that holds the primary key
	Parent      string   // the stream whose objects it is listed by, or empty
	ListedFor   []string // values of the query parameter ParentField, each with a list of its own; none: there is one list
	ParentField string   // member that is added to the JSON where the API did not send it
	KeyByParent bool     // the key is parent + ":" + id, since ids are unique below a parent only
	Clocks      []string // top-level members that change by themselves: not part of the content hash
}

const (
	// pageLimit is the largest page that every paginated list allows: "greater
	// than 0 and less than 1000" (https://static.usepylon.com/openapi.json).
	pageLimit = 999
	// messagesLimit is the largest page of messages (openapi.json, GET
	// /issues/{id}/messages: 1 to 1000). Without a limit the API
	// sends all of them unpaginated, and then an empty list cannot be told from
	// the glitch of a page without data.
	messagesLimit = 1000
)

// Streams returns every stream, in the order in which they are shown. The
// caller owns the slice.
func Streams() []Stream {
	return []Stream{
		{Name: "accounts", Sync: SyncFull, Key: "id", Call: Call{"/accounts", "accounts", 300, pageLimit}},
		{Name: "contacts", Sync: SyncFull, Key: "id", Call: Call{"/contacts", "contacts", 300, pageLimit}},
		{
			Name: "issues", Sync: SyncIssues, Key: "id",
			Call: Call{"/issues/search", "issues_search", 120, pageLimit},
			Scan: Call{"/issues", "issues_list", 30, pageLimit},
			Get:  Call{"/issues/{id}", "issues_get", 300, 0},
			// The time an issue has spent in its status grows with the clock. The active time is measured while somebody has the
			// issue open, so it grows too without the issue's updated_at moving. The times to first response and to resolution
			// stand still once they are there, and team_slas holds only these and deadlines: they stay part of the hash. Concluded from what
			// https://static.usepylon.com/openapi.json says of each (Issue); whether they move updated_at is documented nowhere.
			Clocks: []string{
				"time_in_status_seconds",
				"business_hours_time_in_status_seconds",
				"active_time_seconds",
				"business_hours_active_time_seconds",
				"active_time_by_user",
			},
		},
		{
			Name: "issue_messages", Sync: SyncChildren, Key: "id", Parent: "issues", ParentField: "issue_id",
			Call: Call{"/issues/{id}/messages", "issue_messages", 120, messagesLimit},
		},
		{
			Name: "issue_threads", Sync: SyncChildren, Key: "id", Parent: "issues", ParentField: "issue_id",
			Call: Call{"/issues/{id}/threads", "issue_threads", 120, 0},
		},
		{Name: "tags", Sync: SyncFull, Key: "id", Call: Call{"/tags", "tags", 300, 0}},
		{Name: "teams", Sync: SyncFull, Key: "id", Call: Call{"/teams", "teams", 300, 0}},
		{Name: "users", Sync: SyncFull, Key: "id", Call: Call{"/users?include_deactivated=true", "users", 300, 0}},
		{
			Name: "custom_fields", Sync: SyncFull, Key: "id", ParentField: "object_type", KeyByParent: true,
			Call:      Call{"/custom-fields", "custom_fields", 300, 0},
			ListedFor: []string{"account", "issue", "contact", "task", "project", "meeting", "opportunity"},
		},
		{Name: "knowledge_bases", Sync: SyncFull, Key: "id", Call: Call{"/knowledge-bases", "knowledge_bases", 300, 0}},
		{
			// Without a language the API sends each article once, in the knowledge base's default language. Translations share
			// the id, so asking for more than one would make them overwrite one another (https://static.usepylon.com/openapi.json, GET
			// /knowledge-bases/{id}/articles, language; that the id is shared is concluded from it).
			Name: "knowledge_base_articles", Sync: SyncFull, Key: "id", Parent: "knowledge_bases", ParentField: "knowledge_base_id",
			Call: Call{"/knowledge-bases/{id}/articles", "knowledge_base_articles", 120, pageLimit},
		},
		{Name: "ticket_forms", Sync: SyncFull, Key: "id", Call: Call{"/ticket-forms", "ticket_forms", 300, 0}},
		{Name: "user_roles", Sync: SyncFull, Key: "id", Call: Call{"/user-roles", "user_roles", 300, 0}},
		{Name: "activity_types", Sync: SyncFull, Key: "id", Call: Call{"/activity-types", "activity_types", 30, 0}},
		{Name: "issue_statuses", Sync: SyncFull, Key: "slug", Call: Call{"/issue-statuses", "issue_statuses", 30, 0}},
	}
}

// me asks whom a token belongs to. It is no stream.
func me() Call { return Call{Path: "/me", Endpoint: "me", PerMinute: 300} }

// Find returns the stream of that name.
func Find(name string) (Stream, bool) {
	return first(func(s Stream) bool { return s.Name == name })
}

// searched returns the stream that is read by a search: issues.
func searched() Stream {
	s, _ := first(func(s Stream) bool { return s.Sync == SyncIssues })
	return s
}

func first(is func(Stream) bool) (Stream, bool) {
	all := Streams()
	if n := slices.IndexFunc(all, is); n >= 0 {
		return all[n], true
	}
	return Stream{}, false
}

// Endpoint is a part of the API with a budget of its own.
type Endpoint struct {
	Name      string // as in PYLON_RATE_LIMITS and in metrics
	PerMinute int    // requests a minute that Pylon documents
}

// Endpoints returns every endpoint that this package asks: those that read the
// streams in their order, then the others. The caller owns the slice.
func Endpoints() []Endpoint {
	var list, others []Endpoint
	for _, s := range Streams() {
		list = append(list, Endpoint{s.Endpoint, s.PerMinute})
		for _, c := range []Call{s.Scan, s.Get} {
			if c.Path != "" {
				others = append(others, Endpoint{c.Endpoint, c.PerMinute})
			}
		}
	}
	return append(append(list, others...), Endpoint{me().Endpoint, me().PerMinute})
}
