package statuspage_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie"
	"github.com/routewatch/routewatch/statuspage"
)

func greenRecords(services int) (records []statuspage.Record) {
	for n := range services {
		records = append(records, statuspage.Record{
			Name: fmt.Sprintf("Service %d", n), State: statuspage.Green, FirstAt: time.Now().AddDate(0, 0, -120),
		})
	}
	return records
}

// The first page beside a handler that writes the same bytes from memory, over
// loopback, for pages of different sizes.
func BenchmarkWeb_page(b *testing.B) {
	for _, services := range []int{10, 1000} {
		p := webPage(b, statuspage.Site{}, greenRecords(services)...)
		body := webGet(p, "/").Body.Bytes()
		for name, h := range map[string]http.Handler{
			"page": p,
			"bytes": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				w.Header().Set("Content-Length", fmt.Sprint(len(body)))
				_, _ = w.Write(body)
			}),
		} {
			b.Run(fmt.Sprintf("services=%d/%s", services, name), func(b *testing.B) {
				srv := httptest.NewServer(h)
				defer srv.Close()
				client := &http.Client{Transport: &http.Transport{DisableCompression: true}} // the same bytes
				b.SetBytes(int64(len(body)))
				for b.Loop() {
					resp, err := client.Get(srv.URL + "/")
					require.NoError(b, err)
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
			})
		}
	}
}

// What the first visitor after a change waits for.
func BenchmarkWeb_render(b *testing.B) {
	for _, services := range []int{10, 1000} {
		b.Run(fmt.Sprintf("services=%d", services), func(b *testing.B) {
			p := webPage(b, statuspage.Site{}, greenRecords(services)...)
			n := 0
			for b.Loop() {
				b.StopTimer()
				n++
				require.NoError(b, p.Apply(b.Context(), opsgenie.Event{Action: opsgenie.EventUpdateMessage, Alert: opsgenie.EventAlert{
					ID: "1", Message: fmt.Sprint(n), Tags: []string{"statuspage", "servicename:Service 1", "major"}, UpdatedAt: time.Now(),
				}}))
				b.StartTimer()
				require.Equal(b, 200, webGet(p, "/").Code)
			}
		})
	}
}
