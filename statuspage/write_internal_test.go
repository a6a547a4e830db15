package statuspage

import (
	stdjson "encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Documents are what encoding/json makes of them, whatever reads and writes them
// here.
func TestDocumentsAreThoseOfEncodingJSON(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
	for name, r := range map[string]*Record{
		"nothing": {Name: "API", State: Green},
		"everything": {
			Name: `<b>&"API"\`, State: Critical, Message: "tab\t, line\n, \u2028, \x00 and 💥", Since: at, FirstAt: at.Add(-time.Hour),
			Version: 1<<64 - 1, Reconciled: at,
			Incidents: []Incident{
				{ID: "1", CreatedAt: at, Said: Said{Message: "m", MessageAt: at}, Aside: &Said{Message: "a", AckedAt: at, Updates: []Update{{at, "u"}}}, Points: []Point{{}, {At: at, Page: true, Services: []string{"API", ""}, Severity: Major, Partial: true}}},
				{
					ID: "2", CreatedAt: at.Round(time.Second), ResolvedAt: at.Add(time.Minute), Hidden: true,
					Said: Said{Updates: []Update{{at, "u"}, {}}, Acked: true, AckedAt: at, Priority: "P1", PriorityAt: at},
				},
			},
			Changes: []StateChange{{at, Major, "m"}, {at, Green, ""}},
			Days:    []Day{{Date: "2026-02-28", Major: time.Hour + 1}, {Date: "2026-03-01", Critical: 24 * time.Hour}},
			Gone:    []string{"mark"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := encodeRecord(r)
			require.NoError(t, err)
			want, err := stdjson.Marshal(r)
			require.NoError(t, err)
			assert.Equal(t, string(want), string(doc))
			var read Record
			require.NoError(t, stdjson.Unmarshal(doc, &read))
			read.sum = sumOf(doc)
			got, err := decodeRecord(doc)
			require.NoError(t, err)
			assert.Equal(t, &read, got)
		})
	}
}

// What is no text is written as what can be read again.
func TestADocumentOfNoText(t *testing.T) {
	doc, err := encodeRecord(&Record{Name: "API", Message: "caf\xe9"})
	require.NoError(t, err)
	r, err := decodeRecord(doc)
	require.NoError(t, err)
	assert.Equal(t, "caf\ufffd", r.Message)
}

func TestDamagedDocuments(t *testing.T) {
	for name, doc := range map[string]string{
		"cut off":            `{"name":"API","state":"gre`,
		"nothing":            ``,
		"blanks":             ` `,
		"something after":    `{"name":"API"}{}`,
		"zeros after":        "{\"name\":\"API\"}\x00\x00",
		"another type":       `{"name":1}`,
		"no time":            `{"since":"yesterday"}`,
		"a name twice":       `{"name":"API","name":"Shop"}`,
		"bytes, and no text": "{\"name\":\"\xff\"}",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decodeRecord([]byte(doc))
			assert.ErrorIs(t, err, errDamaged)
		})
	}
}
