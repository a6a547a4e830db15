package s3store

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// However many writes led to an object, the last 160 are known and S3 takes it,
// also where their names were longer once.
func TestWritesFitIntoMetadata(t *testing.T) {
	for name, newName := range map[string]func() string{"ours": newWrite, "longer": rand.Text} {
		t.Run(name, func(t *testing.T) {
			writes := ""
			for range 300 {
				writes = addWrite(writes, newName())
				require.LessOrEqual(t, len("x-amz-meta-"+writesKey)+len(writes), 2<<10)
			}
			for n := range 160 {
				write := newWrite()
				writes = addWrite(writes, write)
				require.LessOrEqual(t, len("x-amz-meta-"+writesKey)+len(writes), 2<<10)
				require.True(t, hasWrite(writes, write))
				require.True(t, strings.HasPrefix(writes, write), "write %d is the first", n)
			}
			assert.GreaterOrEqual(t, len(strings.Fields(writes)), 160)
		})
	}
}
