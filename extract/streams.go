package extract

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

// Parents says what a stream is listed by, if not in one list.
type Parents string

const (
	// ParentsNone is one list for the whole account.
	ParentsNone Parents = ""
	// ParentsObjectTypes is one list for each type of object that can have custom fields.
	ParentsObjectTypes Parents = "object types"
	// ParentsKnowledgeBases is one list for each knowledge base.
	ParentsKnowledgeBases Parents = "knowledge bases"
	// ParentsIssues is one list for each issue.
	ParentsIssues Parents = "issues"
)

// Stream is one kind of object of the API and how to read it. Streams differ in
// data only; what reads them goes by these fields, never by the name.
type Stream struct {
	Name        string   // "issue_messages": end of the topic's name, name of the schema, value in settings
	Sync        Sync     // how it is read
	Path        string   // path below the API's URL; {id} stands for the id of the parent
	Endpoint    string   // name of its limit in PYLON_RATE_LIMITS: its own, except for issues
	PerMinute   int      // requests a minute that Pylon documents for the endpoint
	Key         string   // JSON member that holds the primary key
	Limit       int      // page size to ask for; 0 asks for none
	Query       string   // further query parameters, encoded
	Parents     Parents  // what it is listed by
	ParentField string   // member that is added to the JSON where the API did not send it
	KeyByParent bool     // the key is parent + ":" + id, since ids are unique below a parent only
	Clocks      []string // top-level members that change by themselves: not part of the content hash
}

const (
	// pageLimit is the largest page that every paginated list allows: "greater
	// than 0 and less than 1000".
	pageLimit = 999
	// messagesLimit is the largest page of messages. Without a limit the API
	// sends all of them unpaginated, and then an empty list cannot be told from
	// the glitch of a page without data.
	messagesLimit = 1000
)

// Streams returns every stream, in the order in which they are shown. The
// caller owns the slice.
func Streams() []Stream {
	return []Stream{
		{Name: "accounts", Sync: SyncFull, Path: "/accounts", Endpoint: "accounts", PerMinute: 300, Key: "id", Limit: pageLimit},
		{Name: "contacts", Sync: SyncFull, Path: "/contacts", Endpoint: "contacts", PerMinute: 300, Key: "id", Limit: pageLimit},
		{
			Name: "issues", Sync: SyncIssues, Path: "/issues/search", Endpoint: endpointIssuesSearch, PerMinute: 120, Key: "id", Limit: pageLimit,
			// The time an issue has spent in its status grows with the clock. The active time is measured while somebody has the
			// issue open, so it grows too without the issue's updated_at moving. The times to first response and to resolution
			// stand still once they are there, and team_slas holds only these and deadlines: they stay part of the hash.
			Clocks: []string{
				"time_in_status_seconds",
				"business_hours_time_in_status_seconds",
				"active_time_seconds",
				"business_hours_active_time_seconds",
				"active_time_by_user",
			},
		},
		{
			Name: "issue_messages", Sync: SyncChildren, Path: "/issues/{id}/messages", Endpoint: "issue_messages", PerMinute: 120, Key: "id",
			Limit: messagesLimit, Parents: ParentsIssues, ParentField: "issue_id",
		},
		{
			Name: "issue_threads", Sync: SyncChildren, Path: "/issues/{id}/threads", Endpoint: "issue_threads", PerMinute: 120, Key: "id",
			Parents: ParentsIssues, ParentField: "issue_id",
		},
		{Name: "tags", Sync: SyncFull, Path: "/tags", Endpoint: "tags", PerMinute: 300, Key: "id"},
		{Name: "teams", Sync: SyncFull, Path: "/teams", Endpoint: "teams", PerMinute: 300, Key: "id"},
		{Name: "users", Sync: SyncFull, Path: "/users", Endpoint: "users", PerMinute: 300, Key: "id", Query: "include_deactivated=true"},
		{
			Name: "custom_fields", Sync: SyncFull, Path: "/custom-fields", Endpoint: "custom_fields", PerMinute: 300, Key: "id",
			Parents: ParentsObjectTypes, ParentField: "object_type", KeyByParent: true,
		},
		{Name: "knowledge_bases", Sync: SyncFull, Path: "/knowledge-bases", Endpoint: "knowledge_bases", PerMinute: 300, Key: "id"},
		{
			// Without a language the API sends each article once, in the knowledge base's default language. Translations share
			// the id, so asking for more than one would make them overwrite one another.
			Name: "knowledge_base_articles", Sync: SyncFull, Path: "/knowledge-bases/{id}/articles", Endpoint: "knowledge_base_articles",
			PerMinute: 120, Key: "id", Limit: pageLimit, Parents: ParentsKnowledgeBases, ParentField: "knowledge_base_id",
		},
		{Name: "ticket_forms", Sync: SyncFull, Path: "/ticket-forms", Endpoint: "ticket_forms", PerMinute: 300, Key: "id"},
		{Name: "user_roles", Sync: SyncFull, Path: "/user-roles", Endpoint: "user_roles", PerMinute: 300, Key: "id"},
		{Name: "activity_types", Sync: SyncFull, Path: "/activity-types", Endpoint: "activity_types", PerMinute: 30, Key: "id"},
		{Name: "issue_statuses", Sync: SyncFull, Path: "/issue-statuses", Endpoint: "issue_statuses", PerMinute: 30, Key: "slug"},
	}
}

// Find returns the stream of that name.
func Find(name string) (Stream, bool) {
	for _, s := range Streams() {
		if s.Name == name {
			return s, true
		}
	}
	return Stream{}, false
}

// objectTypes lists every type of object that can have custom fields.
func objectTypes() []string {
	return []string{"account", "issue", "contact", "task", "project", "meeting", "opportunity"}
}

// Names of the endpoints that are no stream's own.
const (
	endpointIssuesSearch = "issues_search"
	endpointIssuesList   = "issues_list"
	endpointIssuesGet    = "issues_get"
	endpointMe           = "me"
)

// Endpoint is a part of the API with a budget of its own.
type Endpoint struct {
	Name      string // as in PYLON_RATE_LIMITS and in metrics
	PerMinute int    // requests a minute that Pylon documents
}

// Endpoints returns every endpoint that this package asks: those of the streams
// in their order, then the others. The caller owns the slice.
func Endpoints() []Endpoint {
	var list []Endpoint
	for _, s := range Streams() {
		list = append(list, Endpoint{s.Endpoint, s.PerMinute})
	}
	return append(
		list,
		Endpoint{endpointIssuesList, 30},
		Endpoint{endpointIssuesGet, 300},
		Endpoint{endpointMe, 300},
	)
}
