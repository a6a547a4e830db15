package statuspage_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/routewatch/routewatch/statuspage"
)

func TestCheckKey(t *testing.T) {
	long := strings.Repeat("a", statuspage.MaxSegment)
	tests := []struct {
		name, key, want string
	}{
		{"nothing", "", "empty segment"},
		{"from the root", "/a", "empty segment"},
		{"a folder", "a/", "empty segment"},
		{"a gap", "a//b", "empty segment"},
		{"upwards", "../a", "begins with a dot"},
		{"upwards within", "a/../b", "begins with a dot"},
		{"hidden", "a/.b", "begins with a dot"},
		{"backslash", `a\b`, "which no key has"},
		{"zero byte", "a\x00", "which no key has"},
		{"not ASCII", "é", "which no key has"},
		{"colon", "a:b", "which no key has"},
		{"a long segment", "a/" + long + "b", "240 is the most"},
		{"a long key", long + "/" + long, "300 is the most"},
		{"every character", "services/AZ az 09._-%%2F.json", ""},
		{"the longest", long + "/" + long[:statuspage.MaxKey-len(long)-1], ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := statuspage.CheckKey(tt.key)
			if tt.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, tt.want)
		})
	}
}

func TestCheckDocument(t *testing.T) {
	assert.ErrorContains(t, statuspage.CheckDocument(nil), "empty")
	assert.ErrorContains(t, statuspage.CheckDocument([]byte{}), "empty")
	assert.ErrorContains(t, statuspage.CheckDocument(make([]byte, statuspage.MaxDocument+1)), "is the most")
	assert.NoError(t, statuspage.CheckDocument(make([]byte, statuspage.MaxDocument)))
}
