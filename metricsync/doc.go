// Package metricsync copies metrics from where they are measured to where
// customers look at them: from SignalFx (Splunk Observability) and Prometheus to
// Statuspage.io and to a page of package statuspage.
//
// A [Source] is read piece by piece, its points are reduced to one value a
// window, and the values go to each [Sink] in order, oldest first. What fails
// stops that metric where it failed, never the others, and the next run goes on
// from there: behind the newest point of a sink there is no hole.
//
//	s, err := metricsync.New(metricsync.Config{
//		Sinks: []metricsync.Sink{statuspage},
//		Metrics: []metricsync.Metric{{
//			ID: "lat1", Source: signalfx, Query: metricsync.Query{Text: `sf_metric:"Latency"`},
//		}},
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	report, err := s.Sync(ctx, metricsync.Options{})
//
// Each run reads once more what is settled, closed windows alone, so a run may be
// started as often as one likes, by a scheduler that starts two at once, and be
// stopped at any time.
package metricsync
