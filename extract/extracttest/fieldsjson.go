package extracttest

import "strconv"

// appendCustomFields appends the map of custom field values of an object. The
// live API leaves slug out where OpenAPI has it, so some values have it.
func (g *generator) appendCustomFields(dst []byte, h uint64, index int, all bool) []byte {
	d := draw(mix(h ^ 0xcf))
	priority := [...]struct{ slug, label string }{{"low", "Low"}, {"medium", "Medium"}, {"high", "Hoch ⚠️"}}[d.below(3)]
	dst = append(dst, `{"priority":{"value":"`...)
	dst = append(dst, priority.slug...)
	dst = append(dst, `","interpreted_value":"`...)
	dst = append(dst, priority.label...)
	dst = append(dst, `"}`...)
	if all || d.oneIn(2) {
		dst = append(dst, `,"question_type":{"slug":"question_type","value":"","values":["no_action_required","how_to"],"interpreted_values":["No Action Required","How to…"]}`...)
	}
	if all || d.oneIn(3) {
		dst = append(dst, `,"order_number":{"slug":"order_number","value":"00`...)
		dst = appendInt(dst, int64(index))
		dst = append(dst, `"}`...)
	}
	if all || d.oneIn(6) {
		dst = append(dst, `,"is_urgent":{"slug":"is_urgent","value":"true"},"due":{"slug":"due","value":"2026-02-29"}`...)
	}
	if all {
		dst = append(dst, `,"environment":{"slug":"environment","value":"prod \u003ceu\u003e\n2"},"contract_value":{"slug":"contract_value","value":"12345678901234567.89"}`...)
		dst = append(dst, `,"seen_at":{"slug":"seen_at","value":"2026-01-02T03:04:05Z"},"runbook":{"slug":"runbook","value":"https://wiki.example/a?b=c\u0026d"}`...)
		dst = append(dst, `,"csm":{"slug":"csm","value":`...)
		dst = appendID(dst, g.ids.id(kindUser, 0))
		dst = append(dst, `},"affected_project":{"slug":"affected_project","value":"","values":[`...)
		dst = appendID(dst, g.ids.id(kindAgent, index))
		dst = append(dst, `]}`...)
	}
	return append(dst, '}')
}

// appendCustomField appends the definition of a custom field.
func (g *generator) appendCustomField(dst []byte, o *object) []byte {
	f := fieldTypes[o.index%len(fieldTypes)]
	slug := f.slug
	if n := o.index / len(fieldTypes); n > 0 {
		slug += "_" + strconv.Itoa(n)
	}
	dst = appendStart(dst, o)
	dst = append(dst, `,"object_type":"`+o.group+`","slug":"`+slug+`","label":"`...)
	dst = appendEscaped(dst, f.label)
	dst = appendRevision(dst, o)
	dst = append(dst, `","description":`...)
	if o.index%2 == 0 {
		dst = append(dst, `"Shown on the \u003cb\u003eright\u003c/b\u003e side."`...)
	} else {
		dst = append(dst, `""`...)
	}
	dst = append(dst, `,"type":"`+f.kind+`","source":"`...)
	dst = append(dst, [...]string{"pylon", "hubspot"}[o.index/2%2]...)
	dst = append(dst, `","is_read_only":`...)
	dst = appendBool(dst, o.index/2%2 == 1)
	switch f.kind {
	case "select":
		dst = append(dst, `,"default_value":"medium","default_values":null,"select_metadata":{"options":[`...)
		dst = append(dst, `{"slug":"low","label":"Low","ai_description":""},{"slug":"medium","label":"Medium","ai_description":"When unsure"},`...)
		dst = append(dst, `{"slug":"high","label":"Hoch ⚠️","ai_description":"Customers \u0026 money"}]}`...)
	case "multiselect":
		dst = append(dst, `,"default_value":"","default_values":["how_to"],"select_metadata":{"options":[`...)
		dst = append(dst, `{"slug":"no_action_required","label":"No Action Required","ai_description":""},{"slug":"how_to","label":"How to…","ai_description":"使い方"}]}`...)
	case "number", "decimal":
		dst = append(dst, `,"default_value":"0","default_values":null,"number_metadata":{"format":"currency","decimal_places":2,"currency":"EUR",`...)
		dst = append(dst, `"duration_display_format":"hh:mm","duration_input_unit":"minutes"}`...)
	default:
		dst = append(dst, `,"default_value":"","default_values":null`...)
	}
	dst = appendMember(dst, `,"created_at":`, o.created)
	dst = appendMember(dst, `,"updated_at":`, o.updated)
	return append(dst, '}')
}

func (g *generator) appendKnowledgeBase(dst []byte, o *object) []byte {
	dst = appendStart(dst, o)
	dst = append(dst, `,"title":`...)
	dst = appendName(dst, []string{"Help", "Intern – 社内"}, o)
	dst = append(dst, `,"slug":`...)
	dst = appendSlug(dst, []string{"help", "intern"}, o.index)
	dst = append(dst, `,"default_language":"en","supported_languages":`...)
	if o.index%2 == 0 {
		dst = append(dst, `["en","de","ar"]`...)
	} else {
		dst = append(dst, "null"...)
	}
	return append(dst, '}')
}

func (g *generator) appendArticle(dst []byte, o *object) []byte {
	i, full := o.index, o.index == 0
	h := g.hash(kindArticle, i)
	published := full || i%4 != 3
	dst = appendStart(dst, o)
	dst = append(dst, `,"title":`...)
	dst = appendName(dst, []string{"Reset your password", "Exporte & Berichte", "請求について", "كيف أبدأ؟", "Limits <and> quotas"}, o)
	dst = append(dst, `,"slug":"article-`...)
	dst = appendInt(dst, int64(i))
	dst = append(dst, `","identifier":"10000000`...)
	dst = appendInt(dst, int64(i))
	dst = append(dst, `","url":"https://help.us.example/articles/10000000`...)
	dst = appendInt(dst, int64(i))
	dst = append(dst, `","collection_id":`...)
	if full || i%3 == 1 {
		dst = appendID(dst, g.ids.id(kindCollection, i/3))
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"author_user_id":`...)
	if g.opts.Users > 0 {
		dst = appendID(dst, g.ids.id(kindUser, i%g.opts.Users))
	} else {
		dst = append(dst, `""`...)
	}
	dst = append(dst, `,"is_published":`...)
	dst = appendBool(dst, published)
	dst = append(dst, `,"is_unlisted":`...)
	dst = appendBool(dst, i%7 == 6)
	dst = appendMember(dst, `,"created_at":`, o.created)
	dst = appendMember(dst, `,"last_edited_at":`, o.updated)
	if published {
		dst = appendMember(dst, `,"last_published_at":`, o.updated)
		dst = append(dst, `,"current_published_content_html":"`...)
		dst = g.appendBody(dst, h, i)
		dst = append(dst, '"')
	} else {
		dst = append(dst, `,"last_published_at":null,"current_published_content_html":null`...)
	}
	dst = append(dst, `,"current_draft_content_html":"`...)
	dst = g.appendBody(dst, h, i)
	dst = appendRevision(dst, o)
	dst = append(dst, `","tags":`...)
	if g.opts.Tags > 0 && (full || i%3 == 2) {
		dst = append(dst, '[')
		tag := object{index: i % g.opts.Tags, id: g.ids.id(kindTag, i%g.opts.Tags)}
		dst = g.appendTag(dst, &tag)
		dst = append(dst, ']')
	} else {
		dst = append(dst, "[]"...)
	}
	dst = append(dst, `,"visibility_config":{"visibility":"`...)
	dst = append(dst, [...]string{"public", "customer", "internal_only"}[i%3]...)
	dst = append(dst, `","ai_agent_access":"specific_agents","allowed_agent_ids":[`...)
	dst = appendID(dst, g.ids.id(kindAgent, i))
	dst = append(dst, ']')
	if full || i%5 == 2 {
		dst = append(dst, `,"customer_visibility_condition":{"operator":"or","subfilters":[{"field":"tags","operator":"contains","value":"vip ⭐"},`...)
		dst = append(dst, `{"operator":"and","subfilters":[{"field":"account_id","operator":"in","values":["a","b"]},{"field":"domain","operator":"is_set"}]}]}`...)
	}
	dst = append(dst, `},"approval_info":`...)
	if full || i%4 == 1 {
		dst = append(dst, `{"status":"approved"`...)
		dst = appendMember(dst, `,"requested_at":`, o.created)
		dst = appendMember(dst, `,"reviewed_at":`, o.created+hourMS)
		dst = append(dst, `,"reviewed_by_user_id":`...)
		dst = appendID(dst, g.ids.id(kindUser, 0))
		dst = append(dst, '}')
	} else {
		dst = append(dst, "null"...)
	}
	return append(dst, '}')
}
