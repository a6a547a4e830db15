package routewatch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestBudget(t *testing.T) {
	start := time.Now()
	fill := func(b *budget, why purpose, now time.Time) (n int) {
		for {
			if ok, _ := b.allows(why, now); !ok {
				return n
			}
			b.spend(why, now)
			n++
		}
	}
	tests := []struct {
		name  string
		order []purpose
		want  []int // calls of each, as many as it gets
	}{
		{"first alerts leave the closes' share", []purpose{firstAlert, recount, closing, firstAlert}, []int{50, 0, 10, 0}},
		{"closes leave the first alerts' share", []purpose{closing, recount, firstAlert, closing}, []int{50, 0, 10, 0}},
		{"recounts leave both shares", []purpose{recount, closing, firstAlert}, []int{40, 10, 10}},
		{"recounts are served last", []purpose{firstAlert, closing, recount}, []int{50, 10, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b budget
			for i, why := range tt.order {
				assert.Equal(t, tt.want[i], fill(&b, why, start), "calls of %d", why)
			}
			ok, again := b.allows(firstAlert, start.Add(time.Second))
			assert.False(t, ok)
			assert.Equal(t, start.Add(time.Minute), again)
			ok, _ = b.allows(recount, again)
			assert.True(t, ok, "after a minute")
		})
	}
}
