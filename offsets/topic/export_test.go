package topic

// Grace and Stall are how long is waited for a leader and for a record.
const (
	Grace = grace
	Stall = stall
)
