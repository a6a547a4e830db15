package faults_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/routewatch/routewatch/internal/faults"
)

func TestQueue(t *testing.T) {
	type fault struct {
		name, calls string // calls are the letters that it chooses
		skip, times int
	}
	for name, test := range map[string]struct {
		faults []fault
		calls  string
		want   string // the fault that each call meets
	}{
		"none":                          {nil, "a", "-"},
		"once, where nothing is said":   {[]fault{{"1", "a", 0, 0}}, "aa", "1-"},
		"a number of times":             {[]fault{{"1", "a", 0, 2}}, "aaa", "11-"},
		"without end":                   {[]fault{{"1", "a", 0, -1}}, "aaaa", "1111"},
		"another call":                  {[]fault{{"1", "a", 0, 1}}, "bab", "-1-"},
		"after some":                    {[]fault{{"1", "a", 2, 2}}, "aaaaa", "--11-"},
		"after some, without end":       {[]fault{{"1", "a", 1, -1}}, "aaa", "-11"},
		"after some of its own":         {[]fault{{"1", "a", 1, 1}}, "bbaba", "----1"},
		"one after the other":           {[]fault{{"1", "a", 0, 2}, {"2", "a", 0, 1}}, "aaaa", "112-"},
		"the first that fits":           {[]fault{{"1", "b", 0, 1}, {"2", "ab", 0, -1}}, "abab", "2122"},
		"the next, while one waits":     {[]fault{{"1", "a", 2, 1}, {"2", "a", 0, -1}}, "aaaa", "2212"},
		"all count that wait":           {[]fault{{"1", "a", 1, 1}, {"2", "a", 1, 1}}, "aaaa", "-12-"},
		"those around one that is gone": {[]fault{{"1", "a", 0, 1}, {"2", "b", 0, 1}, {"3", "c", 0, 1}}, "bcac", "231-"},
	} {
		t.Run(name, func(t *testing.T) {
			var q faults.Queue[fault]
			for _, f := range test.faults {
				q.Add(f, f.skip, f.times)
			}
			var met []*fault
			for _, call := range test.calls {
				met = append(met, q.Take(func(f *fault) bool { return strings.ContainsRune(f.calls, call) }))
			}
			// All are looked at last, since a call reads its fault while others take theirs.
			got := ""
			for _, f := range met {
				if f == nil {
					f = &fault{name: "-"}
				}
				got += f.name
			}
			assert.Equal(t, test.want, got)
		})
	}
}

func TestPause(t *testing.T) {
	const never = time.Hour
	for name, test := range map[string]struct {
		d, leaves, closed time.Duration
		want              bool
		took              time.Duration
	}{
		"its time":                          {time.Second, never, never, true, time.Second},
		"the client leaves":                 {time.Minute, time.Second, never, false, time.Second},
		"the service is closed":             {time.Minute, never, time.Second, false, time.Second},
		"no time":                           {0, never, never, true, 0},
		"no time, of one who left":          {0, -1, -1, true, 0},
		"some time, of one who left":        {time.Second, -1, never, false, 0},
		"no end, and the client leaves":     {-1, time.Minute, never, false, time.Minute},
		"no end, and the service is closed": {-1, never, time.Minute, false, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, cancel := context.WithTimeout(t.Context(), test.leaves)
				defer cancel()
				service, stop := context.WithTimeout(t.Context(), test.closed)
				defer stop()
				start := time.Now()
				assert.Equal(t, test.want, faults.Pause(client, service.Done(), test.d))
				assert.Equal(t, test.took, time.Since(start))
			})
		})
	}
}
