package producer

import "time"

// minutes counts by minute over an hour.
type minutes struct {
	counts [60]int64
	at     int64 // the minute of the last count, in minutes since 1970
}

func (m *minutes) add(now time.Time, n int64) {
	m.move(now)
	m.counts[m.at%60] += n
}

// move makes now's minute the last one.
func (m *minutes) move(now time.Time) {
	minute := now.Unix() / 60
	for m.at = max(m.at, minute-60); m.at < minute; {
		m.at++
		m.counts[m.at%60] = 0
	}
}

// hour returns the counts, the oldest first.
func (m *minutes) hour(now time.Time) []int64 {
	m.move(now)
	out := make([]int64, 0, 60)
	for i := range int64(60) {
		out = append(out, m.counts[(m.at+1+i)%60])
	}
	return out
}

// last adds up the last n minutes, the one that runs included.
func (m *minutes) last(now time.Time, n int64) int64 {
	m.move(now)
	var sum int64
	for i := range n {
		sum += m.counts[(m.at-i+60)%60]
	}
	return sum
}
