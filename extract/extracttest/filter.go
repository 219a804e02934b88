package extracttest

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"
)

// filter is a filter that was found right. A nil filter takes everything.
type filter struct {
	operator string
	field    string
	values   []string
	from, to int64 // of time operators, in milliseconds; both inclusive
	subs     []filter
}

// open is 1 ms where bounds do not belong to the range.
func (w *workspace) open() int64 {
	if w.opts.Bounds == BoundsExclusive {
		return 1
	}
	return 0
}

// timeRange returns the bounds that the filter puts on field: those of an "and"
// taken together, and of an "or" the widest of those that name the field.
func (f *filter) timeRange(field string) (from, to int64) {
	from, to = math.MinInt64, math.MaxInt64
	switch {
	case f.field == field:
		return f.from, f.to
	case f.operator == "and":
		for i := range f.subs {
			lo, hi := f.subs[i].timeRange(field)
			from, to = max(from, lo), min(to, hi)
		}
	case f.operator == "or":
		for i := range f.subs {
			lo, hi := f.subs[i].timeRange(field)
			switch {
			case lo == math.MinInt64 && hi == math.MaxInt64:
			case from == math.MinInt64 && to == math.MaxInt64:
				from, to = lo, hi
			default:
				from, to = min(from, lo), max(to, hi)
			}
		}
	}
	return from, to
}

// askedRange is the range of time that a filter asks for.
type askedRange struct {
	bounded bool          // it has two ends
	open    bool          // it has a lower end and no upper one
	length  time.Duration // what is open reaches until now; 0 without a range
}

// asked returns the range of created_at or updated_at that the filter asks for.
// Of an "or" it is the one that takes in all others.
func (f *filter) asked(now time.Time) askedRange {
	var r askedRange
	for _, field := range []string{"created_at", "updated_at"} {
		from, to := f.timeRange(field)
		if from == math.MinInt64 {
			continue
		}
		if to == math.MaxInt64 {
			r.open = true
			to = now.UnixMilli()
		} else {
			r.bounded = true
		}
		r.length = max(r.length, time.Duration(to-from)*time.Millisecond)
	}
	r.open = r.open && !r.bounded
	return r
}

// creation returns the range of created_at outside of which no issue can match
// that nobody has changed: its other times lie within maxLife of created_at.
func (f *filter) creation() (from, to int64) {
	from, to = math.MinInt64, math.MaxInt64
	switch f.operator {
	case "time_is_after", "time_is_before", "time_range":
		from, to = f.from, f.to
		if f.field != "created_at" && from != math.MinInt64 {
			from -= maxLife
		}
	case "and":
		for i := range f.subs {
			lo, hi := f.subs[i].creation()
			from, to = max(from, lo), min(to, hi)
		}
	case "or":
		from, to = math.MaxInt64, math.MinInt64
		for i := range f.subs {
			lo, hi := f.subs[i].creation()
			from, to = min(from, lo), max(to, hi)
		}
	}
	return from, to
}

// matches is true if the filter takes the issue.
func (g *generator) matches(f *filter, is *issue) bool {
	switch f.operator {
	case "and":
		for i := range f.subs {
			if !g.matches(&f.subs[i], is) {
				return false
			}
		}
		return true
	case "or":
		for i := range f.subs {
			if g.matches(&f.subs[i], is) {
				return true
			}
		}
		return false
	case "time_is_after", "time_is_before", "time_range":
		at := is.timeOf(f.field)
		return at != 0 && f.from <= at && at <= f.to
	case "string_contains", "string_does_not_contain":
		text := g.title(is)
		if f.field == "body_html" {
			text = g.issueBody(is)
		}
		return strings.Contains(text, f.values[0]) == (f.operator == "string_contains")
	}
	have := g.valuesOf(is, f.field)
	some := slices.ContainsFunc(f.values, func(v string) bool { return slices.Contains(have, v) })
	switch f.operator {
	case "is_set":
		return len(have) > 0
	case "is_unset":
		return len(have) == 0
	case "not_in", "does_not_contain", "not_equals":
		return !some
	case "in":
		return some || len(f.values) == 0 // an empty list takes everything
	}
	return some
}

func (is *issue) timeOf(field string) int64 {
	switch field {
	case "created_at":
		return is.created
	case "updated_at":
		return is.updated
	case "resolved_at":
		return is.resolved
	}
	return is.latest
}

// valuesOf returns what an issue has for a filter field, nothing if it is unset.
func (g *generator) valuesOf(is *issue, field string) []string {
	if field == "state" {
		return []string{g.state(is)}
	}
	t := g.traits(is.index)
	edit := orElse(is.edit, &issueEdit{})
	ref := func(set string, k kind, i int) []string {
		switch {
		case set != "":
			return []string{set}
		case i < 0:
			return nil
		}
		return []string{g.ids.id(k, i).String()}
	}
	switch field {
	case "issue_type":
		return []string{orElse(edit.kind, t.kind)}
	case "tags":
		return g.issueTags(is, &t)
	case "account_id":
		return ref(edit.account, kindAccount, t.account)
	case "assignee_id":
		return ref(edit.assignee, kindUser, t.assignee)
	case "team_id":
		return ref(edit.team, kindTeam, t.team)
	case "requester_id":
		return ref("", kindContact, t.contact)
	}
	return g.customValues(is, &t, field)
}

// customValues reads the values of a custom field from its JSON: slow, but
// nobody of ours asks for it.
func (g *generator) customValues(is *issue, t *traits, slug string) []string {
	var fields map[string]customValue
	if err := json.Unmarshal(appendJSON(nil, g.issueCustomFields(is, t)), &fields); err != nil {
		return nil
	}
	f := fields[slug]
	if f.Value != "" {
		return []string{f.Value}
	}
	return f.Values
}
