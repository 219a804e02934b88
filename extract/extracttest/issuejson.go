package extracttest

import (
	"encoding/json"
	"strconv"
)

// issueJSON is an issue as the live API writes it (two lists of issues recorded
// on 2026-10-08): members in that order; those that are null where unset, and
// those that are left out (omitempty). The groups only keep the structs small.
type issueJSON struct {
	issueText
	issuePeople
	issueTimes
	issueOrigin
	issueDurations
	issueRest
}

type issueText struct {
	ID       string `json:"id"`
	Number   int    `json:"number"`
	Title    string `json:"title"`
	Link     string `json:"link"`
	BodyHTML string `json:"body_html"`
	State    string `json:"state"`
}

// issuePeople holds references by id alone: the live API sends no email.
type issuePeople struct {
	Account      *miniAccount  `json:"account"`
	Assignee     *reference    `json:"assignee"`
	Requester    *reference    `json:"requester"`
	Team         *reference    `json:"team"`
	Tags         []string      `json:"tags"`
	CustomFields *customFields `json:"custom_fields"`
}

type issueTimes struct {
	FirstResponse       *string `json:"first_response_time"`
	Resolution          *string `json:"resolution_time"`
	FirstResponseBreach *string `json:"first_response_breach_time,omitempty"`
	ResolutionBreach    *string `json:"resolution_breach_time,omitempty"`
	FirstResolution     *string `json:"first_resolution_time"`
	LatestMessage       *string `json:"latest_message_time"`
	SnoozedUntil        *string `json:"snoozed_until_time,omitempty"`
	Created             string  `json:"created_at"`
	Updated             *string `json:"updated_at,omitempty"`
}

type issueOrigin struct {
	PortalVisible  bool            `json:"customer_portal_visible"`
	Source         string          `json:"source"`
	Slack          *slackInfo      `json:"slack,omitempty"`
	WorkspaceEmail string          `json:"workspace_email,omitempty"`
	ChatWidget     *chatWidgetInfo `json:"chat_widget_info,omitempty"`
	Type           string          `json:"type"`
	IsIssueGroup   bool            `json:"is_issue_group"`
	ChildIssues    []miniIssue     `json:"child_issues,omitempty"`
	ParentGroup    *miniIssue      `json:"parent_issue_group,omitempty"`
	ExternalIssues []externalIssue `json:"external_issues,omitempty"`
}

type issueDurations struct {
	FirstResponse              *int64       `json:"first_response_seconds,omitempty"`
	BusinessHoursFirstResponse *int64       `json:"business_hours_first_response_seconds,omitempty"`
	Resolution                 *int64       `json:"resolution_seconds,omitempty"`
	BusinessHoursResolution    *int64       `json:"business_hours_resolution_seconds,omitempty"`
	TeamSLAs                   []teamSLA    `json:"team_slas,omitempty"`
	Active                     *int64       `json:"active_time_seconds,omitempty"`
	BusinessHoursActive        *int64       `json:"business_hours_active_time_seconds,omitempty"`
	ActiveByUser               []userActive `json:"active_time_by_user,omitempty"`
}

type issueRest struct {
	Touches                   int            `json:"number_of_touches"`
	AttachmentURLs            []string       `json:"attachment_urls,omitempty"`
	CSATResponses             []csatResponse `json:"csat_responses,omitempty"`
	AuthorUnverified          bool           `json:"author_unverified"`
	TimeInStatus              statusSeconds  `json:"time_in_status_seconds"`
	BusinessHoursTimeInStatus statusSeconds  `json:"business_hours_time_in_status_seconds"`
}

// statusSeconds is an object from the slug of a status to seconds.
type statusSeconds []statusTime

type statusTime struct {
	slug    string
	seconds int64
}

// MarshalJSON spares the sorting of a map, and keeps the order of the statuses.
func (s statusSeconds) MarshalJSON() ([]byte, error) {
	dst := make([]byte, 0, 80)
	separator := byte('{')
	for _, t := range s {
		dst = appendJSON(append(dst, separator), t.slug)
		dst = strconv.AppendInt(append(dst, ':'), t.seconds, 10)
		separator = ','
	}
	return append(dst, '}'), nil
}

type reference struct {
	ID string `json:"id"`
}

type miniAccount struct {
	ID          string       `json:"id"`
	ExternalIDs []externalID `json:"external_ids"`
}

type miniIssue struct {
	ID     string `json:"id"`
	Number int    `json:"number"`
}

type externalID struct {
	ExternalID string `json:"external_id"`
	Label      string `json:"label"`
}

type slackInfo struct {
	MessageTS   string `json:"message_ts"`
	ChannelID   string `json:"channel_id"`
	WorkspaceID string `json:"workspace_id"`
}

type chatWidgetInfo struct {
	PageURL string `json:"page_url"`
}

type externalIssue struct {
	Source     string `json:"source"`
	ExternalID string `json:"external_id"`
	Link       string `json:"link"`
}

type csatResponse struct {
	Score   int    `json:"score"`
	Comment string `json:"comment"`
}

type teamSLA struct {
	TeamID          string   `json:"team_id"`
	FirstResponse   slaTimes `json:"first_response"`
	Resolution      slaTimes `json:"resolution"`
	FirstResolution slaTimes `json:"first_resolution"`
}

type slaTimes struct {
	Breach        *string `json:"breach_time,omitempty"`
	Time          *string `json:"time,omitempty"`
	Seconds       *int64  `json:"seconds,omitempty"`
	BusinessHours *int64  `json:"business_hours_seconds,omitempty"`
}

type userActive struct {
	UserID        string `json:"user_id"`
	Active        int64  `json:"active_time_seconds"`
	BusinessHours int64  `json:"business_hours_active_time_seconds"`
}

// mistypedIssue is an issue with members of another type than documented.
type mistypedIssue struct {
	*issueJSON

	Number           string `json:"number"`
	Tags             string `json:"tags"`
	AuthorUnverified string `json:"author_unverified"`
}

// unknownMembers are what the API's description does not have.
type unknownMembers struct {
	SentimentScore json.Number `json:"sentiment_score"`
	AISummary      aiSummary   `json:"ai_summary"`
}

type aiSummary struct {
	Text   string      `json:"text"`
	Tokens json.Number `json:"tokens"`
	Labels []any       `json:"labels"`
}

func newUnknownMembers() unknownMembers {
	return unknownMembers{"0.30000000000000004", aiSummary{"…", "123456789012345678901234", []any{nil, true, json.Number("1.0e2")}}}
}

// appendIssue appends the JSON of an issue as of now, in milliseconds: now
// decides what the counters of time show, and nothing else.
func (g *generator) appendIssue(dst []byte, is *issue, now int64) []byte {
	object := g.issueObject(is, now)
	n := g.opts.UnknownFields
	unknown := n > 0 && (is.index == fullIssue || is.index%n == n-1)
	mistyped := g.opts.Mistyped > 0 && is.index%g.opts.Mistyped == g.opts.Mistyped-1
	m := mistypedIssue{object, strconv.Itoa(object.Number), "not a list", "false"}
	switch {
	case mistyped && unknown:
		return appendJSON(dst, struct {
			mistypedIssue
			unknownMembers
		}{m, newUnknownMembers()})
	case mistyped:
		return appendJSON(dst, m)
	case unknown:
		return appendJSON(dst, struct {
			*issueJSON
			unknownMembers
		}{object, newUnknownMembers()})
	}
	return appendJSON(dst, object)
}
