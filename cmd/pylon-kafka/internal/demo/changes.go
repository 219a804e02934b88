package demo

import (
	"fmt"
	"math/rand/v2"

	"pylon-kafka/extract/extracttest"
)

// changeSandbox makes the changes of one round and returns them in words. They
// follow from the seed, the round and the rounds before it alone, so that a
// later demo can make them again.
func (w *World) changeSandbox(round int) []string {
	c := &changer{api: w.api, rng: rand.New(rand.NewPCG(uint64(w.state.Seed), uint64(round)+1))}
	if w.api.Count("issues") == 0 {
		return c.done
	}
	c.closeIssue()
	c.openIssue(round)
	c.addMessage()
	c.deleteMessage()
	c.renameAccount()
	c.replaceTag()
	return c.done
}

// changer changes objects of a sandbox and notes what it did. What is not there
// any more is left out: rounds delete, and there may be many of them.
type changer struct {
	api  *extracttest.API
	rng  *rand.Rand
	done []string
}

func (c *changer) note(err error, format string, args ...any) {
	if err == nil {
		c.done = append(c.done, fmt.Sprintf(format, args...))
	}
}

// issue picks one of the issues that were there from the start.
func (c *changer) issue() string { return c.api.IssueID(c.rng.IntN(c.api.Count("issues"))) }

func (c *changer) closeIssue() {
	id := c.issue()
	c.note(c.api.UpdateIssue(id, extracttest.IssueChange{State: "closed"}), "issue %s was closed", id)
}

func (c *changer) openIssue(round int) {
	id := c.api.CreateIssue(extracttest.IssueChange{
		Title:    fmt.Sprintf("Demo issue %d", round+1),
		BodyHTML: "<p>Where do I find the export?</p>",
	})
	c.note(nil, "issue %s was opened, with its first message", id)
}

func (c *changer) addMessage() {
	issue := c.issue()
	id, err := c.api.AddMessage(issue, extracttest.MessageChange{HTML: "<p>Any news?</p>"})
	c.note(err, "message %s came in for issue %s", id, issue)
}

// deleteMessage looks for an issue that has a message, from one on by chance.
func (c *changer) deleteMessage() {
	for range 20 {
		issue := c.issue()
		if messages := c.api.Children("issue_messages", issue); len(messages) > 0 {
			c.note(c.api.DeleteMessage(issue, messages[0], extracttest.TouchIssue), "message %s of issue %s was deleted", messages[0], issue)
			return
		}
	}
}

func (c *changer) renameAccount() {
	if key := c.first("accounts"); key != "" {
		c.note(c.api.Update("accounts", key), "account %s was changed", key)
	}
}

func (c *changer) replaceTag() {
	if key := c.first("tags"); key != "" {
		c.note(c.api.Delete("tags", key), "tag %s was deleted", key)
	}
	key, err := c.api.Create("tags", "")
	c.note(err, "tag %s was made", key)
}

// first returns the key of the stream's first object, or "".
func (c *changer) first(stream string) string {
	for key := range c.api.Objects(stream) {
		return key
	}
	return ""
}
