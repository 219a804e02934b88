package producer

import "time"

// SetReach sets how long a sync waits for a cluster or a registry that does not
// answer.
func (p *Pipeline) SetReach(d time.Duration) { p.reach = d }

// SetWatch sets how often the sessions look at their topics.
func (p *Pipeline) SetWatch(d time.Duration) {
	for _, t := range p.tasks {
		t.cfg.watch = d
	}
}
