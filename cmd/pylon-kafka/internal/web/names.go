package web

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// named gathers what another gatherer does, under the names that Prometheus' rules
// ask for: franz-go's plug-in has gauges whose names end in _total, which is for
// counters; they are shown without it.
func named(from prometheus.Gatherer) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := from.Gather()
		for _, f := range families {
			if f.GetType() != dto.MetricType_COUNTER {
				name := strings.TrimSuffix(f.GetName(), "_total")
				f.Name = &name
			}
		}
		slices.SortFunc(families, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
		return families, err
	})
}
