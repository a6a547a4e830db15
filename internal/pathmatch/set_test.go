package pathmatch_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/internal/pathmatch"
)

var shapes = []string{
	`/api/v1/users/\d+/orders/?$`, `/api/v1/users`, `/api`, `/`, `.*\.php$`, `(?i)/Admin`, `/(a|b)/c`, `/a|/b|x`,
	`(/x|/y)/z`, `/files/.+`, `/é+`, `/a+b`, `/(?:v1|v2)/x`, `^/anchored$`, `/a{2,3}`, `[^/]+`, `/long/literal/path/with/no/end`,
	`/long/literal/other`, `(?s).`, `\Q/a.b\E`, `/x*y`, `(?:)`, `/(?P<id>\d+)`, `/\x{fffd}`, `(?m)^/line`, `/a b`, `/a{0}b`, `\A/x`,
	`/\d+/x`, `/[^/]+/info/?$`, `/[^/]+$`, `/\d+\d`, `/a?a`, `/a?b$`, `/\w{2,4}x`, `/\w{2,4}-`, `/.*$`, `/.+`, `/[a-c][0-9]$`,
	`/[^a]{2}`, `/é+x`, `/[^/]*/`, `/x/?/?$`, `/(\d+)(/(x))?$`, `/[^/]+/?`, `/[é-ü]+`, `/[^é]+é`, `/\d*?$`, `/a$b`, `/x^y`,
}

// naive is what a set must agree with.
func naive(patterns []string, path string) int {
	for i, p := range patterns {
		if regexp.MustCompile(`^(?:` + p + `)`).MatchString(path) {
			return i
		}
	}
	return pathmatch.None
}

var paths = []string{
	"", "/", "/api", "/api/v1/users/17/orders", "/api/v1/users/17/orders/", "/api/v1/usersx", "/x.php", "/ADMIN/x", "/a/c", "/b/c",
	"/x/z", "/y/z", "/files/", "/files/a", "/éé", "/aab", "/v2/x", "/anchored", "/anchoredx", "/aa", "/a.b", "/axb", "/xxy", "x", "/17",
	"/\xff", "/long/literal/path/with/no/end/", "/long/literal/pa", "/long/literal/other", "\n/line", "/a b", "/b",
	"/17/x", "/17/info", "/17/info/", "/17/info//", "/a", "/ab", "/abcd-", "/abcdx", "/a\nb", "/b7", "/b7/", "/\xff\xfeé", "/x", "/x//", "/x/y/", "/17/x/", "/ü", "/ée", "/17",
}

func TestMatchAgreesWithALoop(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		patterns := make([]string, 1+rnd.IntN(len(shapes)))
		for i := range patterns {
			patterns[i] = shapes[rnd.IntN(len(shapes))]
		}
		set, errs := pathmatch.Compile(patterns)
		require.Empty(t, errs)
		cache := pathmatch.NewCache(set.Match)
		for _, path := range paths {
			want := naive(patterns, path)
			require.Equal(t, want, set.Match(path), "%q in %q", path, patterns)
			for range 3 { // told, remembered, recalled
				require.Equal(t, want, cache.Get(path), "%q in %q, from the cache", path, patterns)
			}
		}
	}
}

func TestCompileTellsEachBadPattern(t *testing.T) {
	_, errs := pathmatch.Compile([]string{"/ok", "(", "/ok", "["})
	require.Len(t, errs, 2)
	assert.Equal(t, 1, errs[0].Index)
	assert.Equal(t, 3, errs[1].Index)
}

// What Python's re knows and Go's regexp does not is told in words that help,
// source: docs.python.org/3/library/re.html.
func TestPythonisms(t *testing.T) {
	tests := []struct{ pattern, say string }{
		{`/(?=a)`, "look-ahead"},
		{`/(?!a)`, "look-ahead"},
		{`(?<=a)b`, "look-behind"},
		{`(?<!a)b`, "look-behind"},
		{`(a)\1`, "back-reference"},
		{`(?P<n>a)(?P=n)`, "back-reference"},
		{`(a)?(?(1)b|c)`, "conditional"},
		{`(?>a)`, "atomic"},
		{`a++`, "possessive"},
		{`a\Z`, `\z`},
		{`a(?#note)`, "comment"},
		{`(?x)a`, "flags"},
		{`(?a)a`, "flags"},
		{`\u0041`, `\x{41}`},
		{`\N{DASH}`, `character itself`},
		{`a{,3}`, "write {0,3}"},
		{`[]a]{,3}`, "write {0,3}"},
		{`a{1001}`, "1000"},
		{`a)(b`, "unexpected )"},
	}
	for _, tt := range tests {
		t.Run(tt.pattern, func(t *testing.T) {
			_, errs := pathmatch.Compile([]string{tt.pattern})
			require.Len(t, errs, 1)
			assert.Contains(t, errs[0].Reason, tt.say)
		})
	}
}

// What only looks like an open quantifier is none.
func TestNoOpenQuantifier(t *testing.T) {
	for _, p := range []string{`a\{,3}`, `[{,3}]`, `[]{,3}]`, `[^]{,3}]`, `{,3}`, `a{0,3}`, `a{,x}`} {
		t.Run(p, func(t *testing.T) {
			_, errs := pathmatch.Compile([]string{p})
			assert.Empty(t, errs)
		})
	}
}

// Only the first 2 KiB of a path are looked at.
func TestLongPath(t *testing.T) {
	set, errs := pathmatch.Compile([]string{`/a+$`, `/a+b`})
	require.Empty(t, errs)
	assert.Equal(t, 0, set.Match("/"+strings.Repeat("a", pathmatch.MaxPath)+"b"))
	assert.Equal(t, 1, set.Match("/"+strings.Repeat("a", pathmatch.MaxPath-2)+"b"))
}

// A thousand patterns with a prefix of their own each: a path meets one of them.
func TestManyPatterns(t *testing.T) {
	var patterns []string
	for i := range 1000 {
		patterns = append(patterns, fmt.Sprintf(`/api/v1/res%d/\d+/info/?$`, i))
	}
	set, errs := pathmatch.Compile(patterns)
	require.Empty(t, errs)
	for i := range patterns {
		require.Equal(t, i, set.Match(fmt.Sprintf("/api/v1/res%d/17/info", i)))
	}
	path := "/api/v1/res999/17/info"
	assert.Zero(t, testing.AllocsPerRun(100, func() { set.Match(path) }))
}

// New paths without end leave nothing behind.
func TestCacheIsBounded(t *testing.T) {
	cache := pathmatch.NewCache(func(string) int { return 1 })
	i := 0
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		i++
		if cache.Get(names[i%len(names)]) != 1 {
			t.Fail()
		}
	}))
}

var names = func() (n []string) {
	for i := range 10000 {
		n = append(n, fmt.Sprintf("/random/%d", i))
	}
	return n
}()

func TestCacheIsSafeForConcurrentUse(t *testing.T) {
	cache := pathmatch.NewCache(func(p string) int { return len(p) })
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 20000 {
				p := names[i%3000]
				if got := cache.Get(p); got != len(p) {
					t.Errorf("%q: %d", p, got)
					return
				}
			}
		})
	}
	wg.Wait()
}

func FuzzMatch(f *testing.F) {
	for i, p := range shapes {
		f.Add(p, shapes[(i+1)%len(shapes)], paths[i%len(paths)])
	}
	f.Fuzz(func(t *testing.T, a, b, path string) {
		set, errs := pathmatch.Compile([]string{a, b})
		if errs != nil || len(path) > pathmatch.MaxPath {
			t.Skip()
		}
		if got, want := set.Match(path), naive([]string{a, b}, path); got != want {
			t.Errorf("%q in %q, %q: %d, want %d", path, a, b, got, want)
		}
	})
}
