package extracttest

import "strconv"

// articleJSON is an article as the API's description has it.
type articleJSON struct {
	articleName
	articleContent
}

type articleName struct {
	ID           string  `json:"id"`
	Title        string  `json:"title"`
	Slug         string  `json:"slug"`
	Identifier   string  `json:"identifier"`
	URL          string  `json:"url"`
	CollectionID *string `json:"collection_id"`
	AuthorUserID string  `json:"author_user_id"`
	IsPublished  bool    `json:"is_published"`
	IsUnlisted   bool    `json:"is_unlisted"`
}

type articleContent struct {
	Created       string           `json:"created_at"`
	LastEdited    string           `json:"last_edited_at"`
	LastPublished *string          `json:"last_published_at"`
	Published     *string          `json:"current_published_content_html"`
	Draft         string           `json:"current_draft_content_html"`
	Tags          []any            `json:"tags"`
	Visibility    visibilityConfig `json:"visibility_config"`
	Approval      *approvalInfo    `json:"approval_info"`
}

type visibilityConfig struct {
	Visibility      string           `json:"visibility"`
	AIAgentAccess   string           `json:"ai_agent_access"`
	AllowedAgentIDs []string         `json:"allowed_agent_ids"`
	Condition       *filterCondition `json:"customer_visibility_condition,omitempty"`
}

// filterCondition is a filter in an answer. The API's description requires
// field, of a compound filter too.
type filterCondition struct {
	Field      string            `json:"field"`
	Operator   string            `json:"operator"`
	Value      string            `json:"value,omitempty"`
	Values     []string          `json:"values,omitempty"`
	Subfilters []filterCondition `json:"subfilters,omitempty"`
}

type approvalInfo struct {
	Status         string `json:"status"`
	Requested      string `json:"requested_at"`
	Reviewed       string `json:"reviewed_at"`
	ReviewedByUser string `json:"reviewed_by_user_id"`
}

func (g *generator) article(o *object) any {
	i, full := o.index, o.index == 0
	number := strconv.Itoa(i)
	body := g.body(g.hash(kindArticle, i), i)
	a := articleJSON{
		articleName{
			ID: o.id.String(), Title: o.name("Reset your password", "Exporte & Berichte", "請求について", "كيف أبدأ؟", "Limits <and> quotas"),
			Slug: "article-" + number, Identifier: "10000000" + number, URL: "https://help.us.example/articles/10000000" + number,
			IsPublished: full || i%4 != 3, IsUnlisted: i%7 == 6,
		},
		articleContent{
			Created: stamp(o.created), LastEdited: stamp(o.updated), Draft: o.revised(body), Tags: []any{},
			Visibility: visibilityConfig{
				Visibility:    [...]string{"public", "customer", "internal_only"}[i%3],
				AIAgentAccess: "specific_agents", AllowedAgentIDs: []string{g.ids.id(kindAgent, i).String()},
			},
		},
	}
	if full || i%3 == 1 {
		a.CollectionID = new(g.ids.id(kindCollection, i/3).String())
	}
	if n := g.opts.Users; n > 0 {
		a.AuthorUserID = g.ids.id(kindUser, i%n).String()
	}
	if a.IsPublished {
		a.LastPublished, a.Published = &a.LastEdited, &body
	}
	if n := g.opts.Tags; n > 0 && (full || i%3 == 2) {
		a.Tags = append(a.Tags, g.tag(&object{index: i % n, id: g.ids.id(kindTag, i%n)}))
	}
	if full || i%5 == 2 {
		a.Visibility.Condition = visibilityCondition()
	}
	if full || i%4 == 1 {
		a.Approval = &approvalInfo{"approved", stamp(o.created), stamp(o.created + hourMS), g.ids.id(kindUser, 0).String()}
	}
	return a
}

func visibilityCondition() *filterCondition {
	return &filterCondition{Operator: "or", Subfilters: []filterCondition{
		{Field: "tags", Operator: "contains", Value: "vip ⭐"},
		{Operator: "and", Subfilters: []filterCondition{
			{Field: "account_id", Operator: "in", Values: []string{"a", "b"}},
			{Field: "domain", Operator: "is_set"},
		}},
	}}
}
