package extracttest

import "strconv"

// customFields are the values of an object's custom fields by slug, as the live
// API writes them in lists since October 2026: without slug and interpreted
// values, and with dots in the slugs of fields that other systems own.
type customFields struct {
	customChoices
	customValues
}

type customChoices struct {
	Priority      *customValue `json:"priority,omitempty"`
	QuestionType  *customValue `json:"question_type,omitempty"`
	OrderNumber   *customValue `json:"order_number,omitempty"`
	IsUrgent      *customValue `json:"is_urgent,omitempty"`
	Due           *customValue `json:"due,omitempty"`
	AnnualRevenue *customValue `json:"account.hubspot.annualrevenue,omitempty"`
	PageURL       *customValue `json:"chat_widget.page_url,omitempty"`
}

type customValues struct {
	Environment     *customValue `json:"environment,omitempty"`
	ContractValue   *customValue `json:"contract_value,omitempty"`
	SeenAt          *customValue `json:"seen_at,omitempty"`
	Runbook         *customValue `json:"runbook,omitempty"`
	CSM             *customValue `json:"csm,omitempty"`
	AffectedProject *customValue `json:"affected_project,omitempty"`
	LastMeetingDate *customValue `json:"calendar.last_meeting_date,omitempty"`
}

// customValue holds text only, whatever the field's type. Several values leave
// Value empty.
type customValue struct {
	Value  string   `json:"value"`
	Values []string `json:"values,omitempty"`
}

// customFields draws the values of an object: a few, or all there are.
func (g *generator) customFields(h uint64, index int, all bool) *customFields {
	d := draw(mix(h ^ 0xcf))
	var f customFields
	f.Priority = &customValue{Value: [...]string{"low", "medium", "high"}[d.below(3)]}
	if all || d.oneIn(2) {
		f.QuestionType = &customValue{Values: []string{"no_action_required", "how_to"}}
	}
	if all || d.oneIn(3) {
		f.OrderNumber = &customValue{Value: "00" + strconv.Itoa(index)}
	}
	if all || d.oneIn(6) {
		f.IsUrgent, f.Due = &customValue{Value: "true"}, &customValue{Value: "2026-02-29"}
	}
	if all || d.oneIn(4) {
		f.AnnualRevenue = &customValue{Value: strconv.Itoa(d.below(1e7))}
		f.PageURL = &customValue{Value: "https://app.example/billing?tab=2&lang=de"}
	}
	if all {
		f.customValues = customValues{
			Environment:     &customValue{Value: "prod <eu>\n2"},
			ContractValue:   &customValue{Value: "12345678901234567.89"},
			SeenAt:          &customValue{Value: "2026-01-02T03:04:05Z"},
			Runbook:         &customValue{Value: "https://wiki.example/a?b=c&d"},
			CSM:             &customValue{Value: g.ids.id(kindUser, 0).String()},
			AffectedProject: &customValue{Values: []string{g.ids.id(kindAgent, index).String()}},
			LastMeetingDate: &customValue{Value: "2026-03-04"},
		}
	}
	return &f
}

func (g *generator) issueCustomFields(is *issue, t *traits) *customFields {
	return g.customFields(is.random, is.index, t.has(hasAllCustomFields, is.index == fullIssue))
}

// objectTypes are what custom fields are defined for.
var objectTypes = []string{"issue", "account", "contact", "task", "project", "meeting", "opportunity"}

type fieldType struct{ slug, label, kind string }

var fieldTypes = []fieldType{
	{"priority", "Priority", "select"},
	{"question_type", "Question type", "multiselect"},
	{"order_number", "Order number", "number"},
	{"due", "Due", "date"},
	{"contract_value", "Contract value (€)", "decimal"},
	{"is_urgent", "Is urgent?", "boolean"},
	{"seen_at", "Seen at", "datetime"},
	{"csm", "CSM", "user"},
	{"runbook", "Runbook", "url"},
	{"environment", "Umgebung – 環境", "text"},
	{"affected_project", "Affected project", "relationship"},
}

// customFieldJSON is the definition of a custom field as the API's description
// has it.
type customFieldJSON struct {
	fieldName
	fieldContent
}

type fieldName struct {
	ID          string `json:"id"`
	ObjectType  string `json:"object_type"`
	Slug        string `json:"slug"`
	Label       string `json:"label"`
	Description string `json:"description"`
	Type        string `json:"type"`
	Source      string `json:"source"`
	IsReadOnly  bool   `json:"is_read_only"`
}

type fieldContent struct {
	Default  string          `json:"default_value"`
	Defaults []string        `json:"default_values"`
	Select   *selectMetadata `json:"select_metadata,omitempty"`
	Number   *numberMetadata `json:"number_metadata,omitempty"`
	Created  string          `json:"created_at"`
	Updated  string          `json:"updated_at"`
}

type selectMetadata struct {
	Options []selectOption `json:"options"`
}

type selectOption struct {
	Slug          string `json:"slug"`
	Label         string `json:"label"`
	AIDescription string `json:"ai_description"`
}

type numberMetadata struct {
	Format          string `json:"format"`
	DecimalPlaces   int    `json:"decimal_places"`
	Currency        string `json:"currency"`
	DurationDisplay string `json:"duration_display_format"`
	DurationInput   string `json:"duration_input_unit"`
}

func (*generator) customField(o *object) any {
	t := fieldTypes[o.index%len(fieldTypes)]
	slug := t.slug
	if n := o.index / len(fieldTypes); n > 0 {
		slug += "_" + strconv.Itoa(n)
	}
	readOnly := o.index/2%2 == 1
	f := customFieldJSON{
		fieldName{
			ID: o.id.String(), ObjectType: o.group, Slug: slug, Label: o.revised(t.label), Type: t.kind, Source: "pylon", IsReadOnly: readOnly,
		},
		fieldContent{Created: stamp(o.created), Updated: stamp(o.updated)},
	}
	if readOnly {
		f.Source = "hubspot"
	}
	if o.index%2 == 0 {
		f.Description = "Shown on the <b>right</b> side."
	}
	switch t.kind {
	case "select":
		f.Default = "medium"
		f.Select = &selectMetadata{[]selectOption{
			{"low", "Low", ""}, {"medium", "Medium", "When unsure"}, {"high", "Hoch ⚠️", "Customers & money"},
		}}
	case "multiselect":
		f.Defaults = []string{"how_to"}
		f.Select = &selectMetadata{[]selectOption{{"no_action_required", "No Action Required", ""}, {"how_to", "How to…", "使い方"}}}
	case "number", "decimal":
		f.Default = "0"
		f.Number = &numberMetadata{"currency", 2, "EUR", "hh:mm", "minutes"}
	}
	return f
}
