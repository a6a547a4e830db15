package statuspage

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever leaves when it is his turn gives it to the next, and who leaves last
// leaves nothing.
func TestLeavingInTurn(t *testing.T) {
	var l lines
	jobs := make([]*job, 4)
	for n := range jobs {
		jobs[n] = &job{turn: make(chan turn, 1)}
		assert.Equal(t, n == 0, l.join("API", jobs[n]), "%d", n)
		if n == 0 {
			require.Equal(t, jobs[:1], l.take("API"))
		}
	}
	l.leave("API", jobs[0]) // it is not in line any more
	l.leave("API", jobs[2]) // it is not its turn
	l.next("API")
	require.Len(t, jobs[1].turn, 1)
	l.leave("API", jobs[1])
	require.Len(t, jobs[3].turn, 1)
	assert.Empty(t, jobs[2].turn)
	l.leave("API", jobs[3])
	assert.Empty(t, l.waiting)
	assert.True(t, l.join("API", jobs[0]))
}
