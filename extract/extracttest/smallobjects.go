package extracttest

import (
	"fmt"
	"strconv"
)

// The objects of the streams below are as the API's description has them, with
// the newer members that were seen: no capture of them is public.

type tagJSON struct {
	ID         string `json:"id"`
	Value      string `json:"value"`
	ObjectType string `json:"object_type"`
	HexColor   string `json:"hex_color"`
}

func (g *generator) tag(o *object) any {
	return tagJSON{
		o.id.String(), o.revised(g.tagValue(o.index)), [...]string{"issue", "issue", "account", "article"}[o.index%4],
		fmt.Sprintf("#%06x", g.hash(kindTag, o.index)&0xffffff),
	}
}

type teamJSON struct {
	ID    string     `json:"id"`
	Name  string     `json:"name"`
	Users []miniUser `json:"users"`
	// Newer, of unknown shape.
	Assignment *assignment `json:"assignment_configuration,omitempty"`
	Schedule   *schedule   `json:"schedule,omitempty"`
}

type miniUser struct {
	ID    string `json:"id"`
	Email string `json:"email"`
}

type assignment struct {
	Strategy string `json:"strategy"`
	MaxOpen  int    `json:"max_open"`
}

type schedule struct {
	Timezone string `json:"timezone"`
	Days     []int  `json:"days"`
}

func (g *generator) miniUser(u int) miniUser {
	return miniUser{g.ids.id(kindUser, u).String(), userEmail(u)}
}

func userEmail(u int) string { return "user" + strconv.Itoa(u) + "@us.example" }

func (g *generator) team(o *object) any {
	t := teamJSON{ID: o.id.String(), Name: o.name("Tier 1", "Tier 2 🌍", "Équipe facturation", "夜間対応"), Users: []miniUser{}}
	if n := g.opts.Users; n > 0 && o.index%4 != 3 {
		t.Users = []miniUser{g.miniUser(o.index % n), g.miniUser((o.index + 1) % n)}
	}
	if o.index%2 == 0 {
		t.Assignment, t.Schedule = &assignment{"round_robin", 7}, &schedule{"Europe/Berlin", []int{1, 2, 3, 4, 5}}
	}
	return t
}

type userJSON struct {
	ID            string         `json:"id"`
	Name          string         `json:"name"`
	Email         string         `json:"email"`
	Emails        []string       `json:"emails"`
	AvatarURL     string         `json:"avatar_url"`
	RoleID        string         `json:"role_id,omitempty"`
	Role          *userRoleJSON  `json:"role,omitempty"`
	Roles         []userRoleJSON `json:"roles,omitempty"`
	Status        string         `json:"status"`
	IsDeactivated bool           `json:"is_deactivated"`
}

func (g *generator) user(o *object) any {
	i := o.index
	u := userJSON{
		ID: o.id.String(), Name: o.name(people...), Email: userEmail(i), Emails: []string{userEmail(i)},
		Status: [...]string{"active", "away", "out_of_office"}[i%3], IsDeactivated: deactivated(o),
	}
	if i%4 != 3 {
		u.AvatarURL = g.signed(i, "avatar.png")
	}
	if n := g.opts.UserRoles; n > 0 {
		role := newUserRole(&object{index: i % n, id: g.ids.id(kindUserRole, i%n)})
		u.RoleID, u.Role, u.Roles = role.ID, &role, []userRoleJSON{role}
	}
	return u
}

// deactivated users are listed on request only.
func deactivated(o *object) bool { return o.index%5 == 3 }

type userRoleJSON struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Slug string `json:"slug"`
}

func newUserRole(o *object) userRoleJSON {
	return userRoleJSON{
		o.id.String(), o.name("Admin", "Member", "Viewer", "Écriture seule"), o.slug("admin", "member", "viewer", "ecriture_seule"),
	}
}

func (*generator) userRole(o *object) any { return newUserRole(o) }

type knowledgeBaseJSON struct {
	ID        string   `json:"id"`
	Title     string   `json:"title"`
	Slug      string   `json:"slug"`
	Language  string   `json:"default_language"`
	Languages []string `json:"supported_languages"`
}

func (*generator) knowledgeBase(o *object) any {
	b := knowledgeBaseJSON{ID: o.id.String(), Title: o.name("Help", "Intern – 社内"), Slug: o.slug("help", "intern"), Language: "en"}
	if o.index%2 == 0 {
		b.Languages = []string{"en", "de", "ar"}
	}
	return b
}

type ticketFormJSON struct {
	ID          string      `json:"id"`
	Name        string      `json:"name"`
	Slug        string      `json:"slug"`
	URL         string      `json:"url"`
	Description string      `json:"description_html"`
	IsPublic    bool        `json:"is_public"`
	Fields      []formField `json:"fields"`
}

type formField struct {
	Name        string `json:"name"`
	Slug        string `json:"slug"`
	Type        string `json:"type"`
	Description string `json:"description_html"`
}

func (g *generator) ticketForm(o *object) any {
	f := ticketFormJSON{
		ID: o.id.String(), Name: o.name("Bug", "Frage & Antwort", "機能要望"), Slug: o.slug("bug", "frage", "request"),
		URL: "https://portal.us.example/forms/" + strconv.Itoa(o.index), IsPublic: o.index%2 == 0, Fields: []formField{},
	}
	if f.IsPublic {
		f.Description = g.paragraphs[o.index%len(g.paragraphs)]
	}
	if o.index%3 != 2 {
		f.Fields = []formField{{"Title", "title", "text", ""}, {"Größe", "size", "select", "<p>S, M or L</p>"}}
	}
	return f
}

type activityTypeJSON struct {
	ID      string `json:"id"`
	Label   string `json:"label"`
	Slug    string `json:"slug"`
	IconURL string `json:"icon_url"`
}

func (*generator) activityType(o *object) any {
	return activityTypeJSON{
		o.id.String(), o.name("Call", "Meeting 🤝", "E-Mail", "訪問", "Demo"), o.slug("call", "meeting", "email", "visit", "demo"),
		"https://assets.usepylon.com/icons/" + strconv.Itoa(o.index) + ".svg",
	}
}

type issueStatusJSON struct {
	Slug       string `json:"slug"`
	Label      string `json:"label"`
	Category   string `json:"category"`
	IsDefault  bool   `json:"is_default_status"`
	IsArchived bool   `json:"is_archived"`
}

var statuses = []struct {
	slug, label, category string
	archived              bool
}{
	{"new", "New", "new", false},
	{"waiting_on_you", "Waiting on you", "waiting_on_you", false},
	{"waiting_on_customer", "Waiting on customer", "waiting_on_customer", false},
	{"on_hold", "On hold", "on_hold", false},
	{"closed", "Closed", "closed", false},
	{"escalated", "Escalated 🔥", "on_hold", false},
	{"wont_fix", "Won't fix", "closed", false},
	{"triage_legacy", "Triage (alt)", "on_hold", true},
}

func (*generator) issueStatus(o *object) any {
	s := statuses[o.index%len(statuses)]
	return issueStatusJSON{o.key, o.revised(s.label), s.category, isBaseStatus(o), s.archived}
}

func isBaseStatus(o *object) bool { return o.index < baseStatuses }

// statusSlug is the key of an issue status.
func statusSlug(o *object) string {
	if o.index < len(statuses) {
		return statuses[o.index].slug
	}
	return "custom_status_" + strconv.Itoa(o.index)
}

var tagValues = []string{
	"billing", "bug", "feature request", "größe", "緊急", "vip ⭐", "a,b", "\"quoted\"", "<html>", "עברית", "p1", "onboarding",
}
