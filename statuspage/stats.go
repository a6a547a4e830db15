package statuspage

import "sync/atomic"

// Stats counts what a Page has done since it was made.
type Stats struct {
	Webhooks WebhookStats
	Streams  StreamStats
}

// WebhookStats counts webhooks by what came of them.
type WebhookStats struct {
	Accepted  uint64 // 200
	Custom    uint64 // of these, with an action that is not Opsgenie's own
	Malformed uint64 // 400
	WrongKey  uint64 // 401 and 429; refreshes with a wrong key are among them
	Limited   uint64 // of these, 429
	TooLarge  uint64 // 413
	Failed    uint64 // 503
}

// StreamStats counts those who listen to events.
type StreamStats struct {
	Open    int64  // now
	Refused uint64 // there were too many
	Skipped uint64 // times that a slow one was sent the whole state for what it missed
}

// counts is Stats as they are counted.
type counts struct {
	accepted, custom, malformed, wrongKey, limited, tooLarge, failed atomic.Uint64

	streams          atomic.Int64
	refused, skipped atomic.Uint64
}

// Stats returns what was counted so far.
func (p *Page) Stats() Stats {
	c := &p.counts
	return Stats{
		Webhooks: WebhookStats{
			Accepted: c.accepted.Load(), Custom: c.custom.Load(), Malformed: c.malformed.Load(),
			WrongKey: c.wrongKey.Load(), Limited: c.limited.Load(), TooLarge: c.tooLarge.Load(), Failed: c.failed.Load(),
		},
		Streams: StreamStats{Open: c.streams.Load(), Refused: c.refused.Load(), Skipped: c.skipped.Load()},
	}
}
