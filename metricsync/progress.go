package metricsync

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"time"
)

// Documents keeps what is known of earlier runs. A statuspage.Store is one.
type Documents interface {
	// Update calls change with the document of a key, nil where there is none,
	// and stores what it returns. Of two updates at the same time, one sees what
	// the other left; so change may be called more than once. Where change
	// returns nil or the same bytes, nothing is stored; where it returns an
	// error, Update returns that.
	Update(ctx context.Context, key string, change func(doc []byte) ([]byte, error)) error
}

// progressKey is the document of a Syncer.
const progressKey = "metricsync/progress.json"

// memory is Documents that end with the process.
type memory struct {
	mu   sync.Mutex
	docs map[string][]byte
}

func (m *memory) Update(_ context.Context, key string, change func([]byte) ([]byte, error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	doc, err := change(m.docs[key])
	if err == nil && doc != nil {
		m.docs[key] = doc
	}
	return err
}

// progress is what is remembered of a metric in a sink. The zero value is of one
// that was never sent. All of it may be lost: what the sink has then decides where
// to go on.
type progress struct {
	// Through is the end of what is sent: every closed window before it, and
	// none after it, in this backfill or at all.
	Through time.Time `json:"through,omitzero"`
	// Newest is the time of the newest sample that the sink has accepted.
	Newest time.Time `json:"newest,omitzero"`
	// Confirmed is the newest time of which the sink has said that it has it.
	Confirmed time.Time `json:"confirmed,omitzero"`

	Backfill *backfill `json:"backfill,omitempty"`
	Missing  *missing  `json:"missing,omitempty"`
}

// backfill is one that is under way or over.
type backfill struct {
	From time.Time `json:"from"`
	// Whole is when all of it was accepted; zero is under way.
	Whole time.Time `json:"whole,omitzero"`
	// Acknowledged is that the sink has since said that it has the past.
	Acknowledged bool `json:"acknowledged,omitempty"`
}

// missing is a sample that was accepted and is not there yet.
type missing struct {
	Sample time.Time `json:"sample"`
	Since  time.Time `json:"since"`
}

// document is all that is remembered.
type document struct {
	// Lease is whose run is under way.
	Lease *lease `json:"lease,omitempty"`
	// Sinks has the metrics by the sink's name and their id.
	Sinks map[string]map[string]progress `json:"sinks,omitempty"`
}

// lease keeps others from running at the same time, until it ends.
type lease struct {
	Holder string    `json:"holder"`
	Until  time.Time `json:"until"`
}

func decodeDocument(doc []byte) (document, error) {
	var d document
	if doc == nil {
		return d, nil
	}
	if err := json.Unmarshal(doc, &d); err != nil {
		return document{}, fmt.Errorf("metricsync: %s cannot be read: %w", progressKey, err)
	}
	return d, nil
}

// change stores a document that edit has changed. One that is damaged is begun
// anew: what was in it is known to the sinks.
func (s *Syncer) change(ctx context.Context, edit func(*document) error) error {
	return s.cfg.Documents.Update(ctx, progressKey, func(doc []byte) ([]byte, error) {
		d, err := decodeDocument(doc)
		if err != nil {
			s.cfg.Logger.WarnContext(ctx, "metricsync: the progress is lost, and read off the sinks", errAttr(err))
		}
		if err := edit(&d); err != nil {
			return nil, err
		}
		return json.MarshalIndent(d, "", " ")
	})
}

// remember adds what is newly known of the metrics of a sink.
func (d *document) remember(sink string, of map[string]progress) {
	if d.Sinks == nil {
		d.Sinks = map[string]map[string]progress{}
	}
	if d.Sinks[sink] == nil {
		d.Sinks[sink] = map[string]progress{}
	}
	maps.Copy(d.Sinks[sink], of)
}
