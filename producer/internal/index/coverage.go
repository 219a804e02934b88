package index

// Coverage is up to where each partition of a topic is known, by one who reads it
// to its end and then follows its own transactions.
//
// A transaction leaves its records and then a marker, one offset each (KIP-98), so
// that the next one begins right behind those unless somebody else has written
// between them. Then what is known ends there: all behind it is to be read from the
// topic once more.
type Coverage struct {
	at     map[int32]int64 // the first offset that is not known
	marked map[int32]bool  // the marker of our transaction stands there
	lost   bool
}

// NewCoverage begins with a topic that was read up to these offsets.
func NewCoverage(read map[int32]int64) *Coverage {
	c := &Coverage{at: make(map[int32]int64, len(read)), marked: make(map[int32]bool)}
	for p, offset := range read {
		c.at[p] = offset
	}
	return c
}

// Committed notes a transaction: of one partition the first offset, the last, and
// how many records of the transaction stand there.
func (c *Coverage) Committed(partition int32, first, last int64, records int) {
	next := c.Next(partition)
	switch {
	case first < next:
		c.lost = true
	case first == next && last-first+1 == int64(records):
		c.at[partition], c.marked[partition] = last+1, true
	}
}

// Next returns the first offset of a partition at which something unknown may
// stand.
func (c *Coverage) Next(partition int32) int64 {
	if c.marked[partition] {
		return c.at[partition] + 1
	}
	return c.at[partition]
}

// At returns the first offset of a partition that is not known.
func (c *Coverage) At(partition int32) int64 { return c.at[partition] }

// Lost reports whether a transaction was given offsets that were known already: the
// topic has lost records.
func (c *Coverage) Lost() bool { return c.lost }
