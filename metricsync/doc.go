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
//		Sinks: []metricsync.Sink{page}, // of package statuspageio
//		Metrics: []metricsync.Metric{{
//			ID: "lat1", Source: sfx.TimeSeries(), // of package signalfx
//			Query: metricsync.Query{Text: `sf_metric:"Latency"`}, Reduce: metricsync.Mean,
//		}},
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	report, err := s.Sync(ctx, metricsync.Options{})
//
// A run sends closed windows alone, and may be started as often as one likes, by a
// scheduler that starts two at once, and be stopped at any time.
//
// # Windows
//
// A window is aligned to its own length in UTC and holds the points with start <=
// time < end; a roll-up's time is its beginning. What is made of them is sent with
// the window's start. A window without points sends nothing: no line is better than
// a line at 0.
//
// # What is remembered
//
// Config.Documents keeps how far each metric has come. It may be lost: then what the
// sink has decides. Only a backfill that somebody asked for, and that had not come to
// its end, has to be asked for again.
package metricsync
