package opsgenietest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/routewatch/routewatch/opsgenie"
)

// field makes the condition that compares a field of alerts with a value.
type field func(op string, value text) (match, error)

// fields are what a query can ask for.
var fields = map[string]field{
	"id":      exact(func(a *Alert) string { return a.ID }),
	"alertId": exact(func(a *Alert) string { return a.ID }),
	"tinyId":  exact(func(a *Alert) string { return a.TinyID }),
	"alias":   exact(func(a *Alert) string { return a.Alias }),
	"entity":  exact(func(a *Alert) string { return a.Entity }),
	"source":  exact(func(a *Alert) string { return a.Source }),
	"owner":   exact(func(a *Alert) string { return a.Owner }),

	"priority":         oneOf(func(a *Alert) string { return string(a.Priority) }, "P1", "P2", "P3", "P4", "P5"),
	"status":           oneOf(func(a *Alert) string { return string(a.Status) }, "open", "closed"),
	"acknowledged":     truth(func(a *Alert) bool { return a.Acknowledged }),
	"isSeen":           truth(func(a *Alert) bool { return a.Seen }),
	"seen":             truth(func(a *Alert) bool { return a.Seen }),
	"snoozed":          truth(func(a *Alert) bool { return a.Snoozed }),
	"acknowledgedBy":   exact(func(a *Alert) string { return a.AcknowledgedBy }),
	"closedBy":         exact(func(a *Alert) string { return a.ClosedBy }),
	"integration.name": exact(func(a *Alert) string { return a.Integration.Name }),
	"integration.type": exact(func(a *Alert) string { return a.Integration.Type }),

	"message":     colon(func(a *Alert, v text) bool { return v.in(a.Message) }),
	"description": colon(func(a *Alert, v text) bool { return v.in(a.Description) }),
	"tag":         colon(func(a *Alert, v text) bool { return slices.ContainsFunc(a.Tags, v.tag) }),
	"tags":        colon(func(a *Alert, v text) bool { return slices.ContainsFunc(a.Tags, v.tag) }),
	"actions":     colon(func(a *Alert, v text) bool { return slices.ContainsFunc(a.Actions, v.equal) }),
	"teams": colon(func(a *Alert, v text) bool {
		return slices.ContainsFunc(a.Responders, func(r opsgenie.Responder) bool {
			return r.Type == opsgenie.Team && (v.equal(r.Name) || v.equal(r.ID))
		})
	}),
	"details.key": colon(func(a *Alert, v text) bool {
		for key := range a.Details {
			if v.equal(key) {
				return true
			}
		}
		return false
	}),
	"details.value": colon(func(a *Alert, v text) bool {
		for _, value := range a.Details {
			if v.equal(value) {
				return true
			}
		}
		return false
	}),

	"count":          number(func(a *Alert) int64 { return int64(a.Count) }),
	"createdAt":      date(func(a *Alert) time.Time { return a.CreatedAt }),
	"updatedAt":      date(func(a *Alert) time.Time { return a.UpdatedAt }),
	"lastOccurredAt": date(func(a *Alert) time.Time { return a.LastOccurredAt }),
	"snoozedUntil":   date(func(a *Alert) time.Time { return a.SnoozedUntil }),
}

// colon is a field that knows no other operator.
func colon(is func(*Alert, text) bool) field {
	return func(op string, v text) (match, error) {
		if op != ":" {
			return nil, fmt.Errorf("%s compares only numbers and dates", op)
		}
		return func(a *Alert) bool { return is(a, v) }, nil
	}
}

func exact(get func(*Alert) string) field {
	return colon(func(a *Alert, v text) bool { return v.equal(get(a)) })
}

// oneOf is a field with few values: to ask for another is a mistake.
func oneOf(get func(*Alert) string, values ...string) field {
	is := exact(get)
	return func(op string, v text) (match, error) {
		if !slices.Contains(values, v.s) {
			return nil, fmt.Errorf("%q is none of %v", v.s, values)
		}
		return is(op, v)
	}
}

func truth(get func(*Alert) bool) field {
	return oneOf(func(a *Alert) string { return strconv.FormatBool(get(a)) }, "true", "false")
}

func number(get func(*Alert) int64) field {
	return func(op string, v text) (match, error) {
		n, err := strconv.ParseInt(v.s, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no number", v.s)
		}
		return compare(op, get, n), nil
	}
}

// date is a field with a time, which a query gives in milliseconds since 1970
// or as dd-mm-yyyy.
func date(get func(*Alert) time.Time) field {
	return func(op string, v text) (match, error) {
		ms, err := strconv.ParseInt(v.s, 10, 64)
		if err != nil {
			day, err := time.Parse("02-01-2006", v.s)
			if err != nil {
				return nil, fmt.Errorf("%q is neither a time in milliseconds nor a day as dd-mm-yyyy", v.s)
			}
			ms = day.UnixMilli()
		}
		return compare(op, func(a *Alert) int64 { return get(a).UnixMilli() }, ms), nil
	}
}

func compare(op string, get func(*Alert) int64, n int64) match {
	return func(a *Alert) bool {
		switch c := cmp.Compare(get(a), n); op {
		case "<":
			return c < 0
		case "<=":
			return c <= 0
		case ">":
			return c > 0
		case ">=":
			return c >= 0
		default:
			return c == 0
		}
	}
}
