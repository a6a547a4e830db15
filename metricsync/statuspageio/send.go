package statuspageio

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/routewatch/routewatch/metricsync"
	"github.com/routewatch/routewatch/metricsync/internal/httpcall"
)

// slot is the grain of the service: of the samples in one it keeps the last.
const slot = 30 * time.Second

// maxEcho bounds an answer, which repeats what was sent.
const maxEcho = 8 << 20

// point is a sample as it is sent.
type point struct {
	Timestamp int64   `json:"timestamp"` // seconds since 1970
	Value     float64 `json:"value"`
}

// Send implements [metricsync.Sink]. It makes one call, of at most MaxSamples, and
// none where there are no samples. Times are moved to the nearest 30 seconds, and
// of several at one time the last is sent, as the service would do it. Samples
// that cannot be sent are an error before the call, which is no *metricsync.Error.
func (c *Client) Send(ctx context.Context, series []metricsync.Series) error {
	data, err := c.points(series)
	if err != nil || len(data) == 0 {
		return err
	}
	body, err := json.Marshal(map[string]any{"data": data})
	if err != nil {
		return fmt.Errorf("statuspage.io: %w", err)
	}
	_, err = c.call(ctx, httpcall.Request{
		Op: "statuspage.io: sending samples", Method: http.MethodPost, Path: c.path("/data"), Body: body, MaxBody: maxEcho,
	}, accepted)
	var e *metricsync.Error
	if errors.As(err, &e) {
		switch e.Status {
		case http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity:
			e.Hint = fmt.Sprintf("is %s the page's id, and does it have %s?", c.page, c.name(data))
		}
	}
	return err
}

// points are the samples in the form of the API, by metric.
func (c *Client) points(series []metricsync.Series) (map[string][]point, error) {
	data, n := make(map[string][]point), 0
	for _, s := range series {
		if s.ID == "" {
			return nil, errors.New("statuspage.io: samples of a metric without id")
		}
		if n += len(s.Samples); n > c.max {
			return nil, fmt.Errorf("statuspage.io: a call has at most %d samples", c.max)
		}
		for _, sample := range s.Samples {
			if math.IsNaN(sample.Value) || math.IsInf(sample.Value, 0) {
				return nil, fmt.Errorf("statuspage.io: metric %s: the value at %s is no number", s.ID, sample.At.UTC().Format(time.RFC3339))
			}
			p := point{sample.At.Round(slot).Unix(), sample.Value}
			all := data[s.ID]
			if len(all) > 0 && all[len(all)-1].Timestamp == p.Timestamp {
				all = all[:len(all)-1]
			}
			data[s.ID] = append(all, p)
		}
	}
	return data, nil
}

// accepted reads the answer of a call that was. What it repeats is of no use, but
// a page of a proxy is not an answer.
func accepted(body []byte) error {
	if len(bytes.TrimSpace(body)) == 0 || json.Valid(body) {
		return nil
	}
	return httpcall.JSON(new(any))(body)
}

// name lists the metrics of a call, of many the first.
func (c *Client) name(data map[string][]point) string {
	const most = 20
	var ids []string
	for id := range data {
		ids = append(ids, c.http.Safe(id, 40))
	}
	slices.Sort(ids)
	if more := len(ids) - most; more > 0 {
		ids = append(ids[:most], fmt.Sprintf("and %d more", more))
	}
	return "the metrics " + strings.Join(ids, ", ")
}
