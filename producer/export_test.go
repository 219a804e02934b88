package producer

import "time"

// SetReach sets how long a sync waits for a cluster or a registry that does not
// answer.
func (p *Pipeline) SetReach(d time.Duration) { p.reach = d }

// SetIndex sets from how many objects on an index is kept of a topic, and how many
// bytes of changes are a delta.
func (p *Pipeline) SetIndex(objects, delta int) {
	p.keeper.limits = indexLimits{objects: objects, delta: delta, base: 3 * delta}
}

// SetWatch sets how often the sessions look at their topics, and the pipeline at
// the schema registry.
func (p *Pipeline) SetWatch(d time.Duration) {
	for _, t := range p.tasks {
		t.cfg.watch = d
	}
	p.keeper.shared.interval = d
	if p.registry != nil {
		p.registry.interval = d
	}
}
