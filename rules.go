package routewatch

import (
	"strconv"
	"strings"
	"time"

	"github.com/routewatch/routewatch/internal/pathmatch"
)

// statusSet is a set of status codes from 0 to 1023: one load, one shift.
type statusSet [16]uint64

func (s *statusSet) add(code int)      { s[code>>6&15] |= 1 << (code & 63) }
func (s *statusSet) has(code int) bool { return uint(code) < 1024 && s[code>>6&15]&(1<<(code&63)) != 0 }

// rules say which observation breaks one: first by status and duration alone,
// and only then, for the few that are left, by path.
type rules struct {
	codes     statusSet     // those listed one by one
	bad       statusSet     // those and the members of the classes
	threshold time.Duration // 0: latency is not judged

	monitored *pathmatch.Set // nil: all paths
	ignored   *pathmatch.Set // nil: none
	latency   *pathmatch.Set

	// What the patterns say of a path that was seen before. nil where there is
	// nothing worth remembering.
	statusVerdicts, latencyVerdicts *pathmatch.Cache
}

// A verdict on a path is the index of the pattern that chose it, or one of
// these.
const (
	notWatched    = -1 // no pattern chose the path, or one excludes it
	watchedByNone = -2 // watched, because all paths are
)

func compileRules(cfg *Config, bad func(field, value, reason string)) rules {
	var r rules
	for i, code := range cfg.StatusCodes {
		if code < 100 || code > 599 {
			bad(index("StatusCodes", i), strconv.Itoa(code), "is no status code; there are 100 to 599")
			continue
		}
		r.codes.add(code)
		r.bad.add(code)
	}
	for i, class := range cfg.StatusClasses {
		up := strings.ToUpper(strings.TrimSpace(class))
		if len(up) != 3 || up[0] < '1' || up[0] > '5' || up[1:] != "XX" {
			bad(index("StatusClasses", i), class, "is no status class; there are 1XX to 5XX")
			continue
		}
		for code := range 100 {
			r.bad.add(int(up[0]-'0')*100 + code)
		}
	}

	r.monitored = compilePatterns("MonitoredRoutes", cfg.MonitoredRoutes, bad)
	r.ignored = compilePatterns("IgnoredRoutes", cfg.IgnoredRoutes, bad)
	r.latency = compilePatterns("LatencyRoutes", cfg.LatencyRoutes, bad)
	if r.monitored != nil || r.ignored != nil {
		r.statusVerdicts = pathmatch.NewCache(judgeStatusPath(r.monitored, r.ignored))
	}
	if r.latency != nil {
		r.latencyVerdicts = pathmatch.NewCache(r.latency.Match)
	}

	r.threshold = cfg.LatencyThreshold
	switch {
	case r.threshold < 0:
		bad("LatencyThreshold", r.threshold.String(), "is negative")
	case r.threshold > 0 && len(cfg.LatencyRoutes) == 0:
		bad("LatencyThreshold", r.threshold.String(), `has no LatencyRoutes to judge; set them, such as "/" for all`)
	case r.threshold == 0 && len(cfg.LatencyRoutes) > 0:
		bad("LatencyRoutes", "", "have no LatencyThreshold to be judged by; set it, such as to 2s")
	}
	return r
}

// compilePatterns returns nil where there are none, or bad ones.
func compilePatterns(field string, patterns []string, bad func(field, value, reason string)) *pathmatch.Set {
	if len(patterns) == 0 {
		return nil
	}
	for i, p := range patterns {
		if p == "" {
			bad(index(field, i), "", `is empty, which would match every path; write "/" if that is meant`)
		}
	}
	set, errs := pathmatch.Compile(patterns)
	for _, err := range errs {
		bad(index(field, err.Index), err.Pattern, err.Reason)
	}
	return set
}

func judgeStatusPath(monitored, ignored *pathmatch.Set) func(string) int {
	return func(path string) int {
		if ignored != nil && ignored.Match(path) >= 0 {
			return notWatched
		}
		if monitored == nil {
			return watchedByNone
		}
		return monitored.Match(path)
	}
}

// statusRoute says whether a status on path may raise an alert, and by which
// pattern; "" where none chose it.
func (r *rules) statusRoute(path string) (pattern string, watched bool) {
	if r.statusVerdicts == nil {
		return "", true
	}
	switch v := r.statusVerdicts.Get(path); v {
	case notWatched:
		return "", false
	case watchedByNone:
		return "", true
	default:
		return r.monitored.Pattern(v), true
	}
}

// latencyRoute says whether a slow answer on path raises an alert, and by which
// pattern.
func (r *rules) latencyRoute(path string) (pattern string, watched bool) {
	if r.latencyVerdicts == nil {
		return "", false
	}
	v := r.latencyVerdicts.Get(path)
	if v < 0 {
		return "", false
	}
	return r.latency.Pattern(v), true
}

// slow says whether took is beyond the threshold: longer, not equal.
func (r *rules) slow(took time.Duration) bool { return r.threshold > 0 && took > r.threshold }

// class is the class of a status code, such as "5XX".
func class(code int) string { return strconv.Itoa(code/100) + "XX" }
