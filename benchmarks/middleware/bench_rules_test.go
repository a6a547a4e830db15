package peerbench

import (
	"fmt"
	"net/http"
	"testing"
)

// BenchmarkRules is a failing request, whose alert is open, among n patterns:
// on one known route, on a known route with an identifier that is new each
// time, and on a path that no router knew.
func BenchmarkRules(b *testing.B) {
	const distinct = 1 << 16
	failing := outcomes[1].handler()
	for _, n := range []int{1, 1000} {
		last := n - 1
		known := fmt.Sprintf("/api/v1/res%d/12345/info", last)
		template := fmt.Sprintf("GET /api/v1/res%d/{id}/info", last)
		ids, fresh := make([]string, distinct), make([]string, distinct)
		for i := range distinct {
			ids[i] = fmt.Sprintf("/api/v1/res%d/%d/info", last, 1_000_000+i)
			fresh[i] = fmt.Sprintf("/api/v1/res%d/%d/info", i%n, 1_000_000+i)
		}
		for _, p := range []struct {
			name, pattern string
			paths         []string
		}{
			{"known", template, []string{known}},
			{"new-id", template, ids},
			{"new", "", fresh},
		} {
			for _, peer := range []struct {
				name string
				wrap func(testing.TB, http.Handler) http.Handler
			}{
				{"bare", func(_ testing.TB, next http.Handler) http.Handler { return next }},
				{"floor-full", func(tb testing.TB, next http.Handler) http.Handler { return newFloorFull(tb, next) }},
				{"routewatch", func(tb testing.TB, next http.Handler) http.Handler {
					return rwNew(tb, rwConfig(routePatterns(n)...), opsgenieTap{}).Handler(next)
				}},
			} {
				b.Run(fmt.Sprintf("patterns=%d/path=%s/peer=%s", n, p.name, peer.name), func(b *testing.B) {
					h := peer.wrap(b, failing)
					w, r := newSink(), newRequest()
					r.Pattern = p.pattern
					i, mask := 0, len(p.paths)-1
					serve := func() {
						r.URL.Path = p.paths[i&mask]
						i++
						w.reset()
						h.ServeHTTP(w, r)
					}
					for range max(64, 2*n) { // every pattern once, and once again
						serve()
					}
					b.ReportAllocs()
					for b.Loop() {
						serve()
					}
				})
			}
		}
	}
}
