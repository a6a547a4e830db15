package opsgenietest

import (
	"cmp"
	"time"
)

// sorts compares alerts by the fields that a list can be sorted by.
var sorts = map[string]func(a, b *Alert) int{
	"createdAt":        times(func(a *Alert) time.Time { return a.CreatedAt }),
	"updatedAt":        times(func(a *Alert) time.Time { return a.UpdatedAt }),
	"lastOccurredAt":   times(func(a *Alert) time.Time { return a.LastOccurredAt }),
	"lastOccuredAt":    times(func(a *Alert) time.Time { return a.LastOccurredAt }), // as the official SDK spells it
	"snoozedUntil":     times(func(a *Alert) time.Time { return a.SnoozedUntil }),
	"tinyId":           by(func(a *Alert) int { return a.seq }),
	"count":            by(func(a *Alert) int { return a.Count }),
	"alias":            by(func(a *Alert) string { return a.Alias }),
	"message":          by(func(a *Alert) string { return a.Message }),
	"status":           by(func(a *Alert) string { return string(a.Status) }),
	"source":           by(func(a *Alert) string { return a.Source }),
	"owner":            by(func(a *Alert) string { return a.Owner }),
	"integration.name": by(func(a *Alert) string { return a.Integration.Name }),
	"integration.type": by(func(a *Alert) string { return a.Integration.Type }),
	"acknowledged":     flags(func(a *Alert) bool { return a.Acknowledged }),
	"isSeen":           flags(func(a *Alert) bool { return a.Seen }),
	"snoozed":          flags(func(a *Alert) bool { return a.Snoozed }),
	"report.ackTime": by(func(a *Alert) time.Duration {
		return max(0, a.AcknowledgedAt.Sub(a.CreatedAt))
	}),
	"report.closeTime": by(func(a *Alert) time.Duration {
		return max(0, a.ClosedAt.Sub(a.CreatedAt))
	}),
	"report.acknowledgedBy": by(func(a *Alert) string { return a.AcknowledgedBy }),
	"report.closedBy":       by(func(a *Alert) string { return a.ClosedBy }),
}

func by[T cmp.Ordered](key func(*Alert) T) func(a, b *Alert) int {
	return func(a, b *Alert) int { return cmp.Compare(key(a), key(b)) }
}

func times(key func(*Alert) time.Time) func(a, b *Alert) int {
	return func(a, b *Alert) int { return key(a).Compare(key(b)) }
}

func flags(key func(*Alert) bool) func(a, b *Alert) int {
	return by(func(a *Alert) int {
		if key(a) {
			return 1
		}
		return 0
	})
}
