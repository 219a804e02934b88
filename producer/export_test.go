package producer

import "time"

// SetReach sets how long a sync waits for a cluster or a registry that does not
// answer.
func (p *Pipeline) SetReach(d time.Duration) { p.reach = d }
