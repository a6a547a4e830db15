package statuspage

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestUptime(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	today := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	outage := func(from time.Time, lasts time.Duration, severity State) Incident {
		i := Incident{ID: from.String(), CreatedAt: from, Points: []Point{{At: from, Page: true, Services: []string{"api"}, Severity: severity}}}
		if lasts > 0 {
			i.ResolvedAt = from.Add(lasts)
		}
		return i
	}
	for _, row := range []struct {
		name        string
		record      *Record
		maintenance []Maintenance
		want        string // "" is unknown
		known       int    // days
	}{
		{name: "never heard of"},
		{name: "heard of this moment", record: &Record{Name: "api", FirstAt: now}},
		{
			name: "half a day, well", record: &Record{Name: "api", FirstAt: today}, want: "100.00", known: 1,
		},
		{
			name: "first heard of at noon, ten days ago", record: &Record{Name: "api", FirstAt: now.Add(-10 * day)}, want: "100.00", known: 11,
		},
		{
			name: "first heard of long ago", record: &Record{Name: "api", FirstAt: now.Add(-500 * day)}, want: "100.00", known: 90,
		},
		{
			name:   "one second in 90 days is not 100 %",
			record: &Record{Name: "api", FirstAt: now.Add(-500 * day), Incidents: []Incident{outage(now.Add(-day), time.Second, Major)}},
			want:   "99.99", known: 90,
		},
		{
			name:   "down all the time",
			record: &Record{Name: "api", FirstAt: now.Add(-day), Incidents: []Incident{outage(now.Add(-day), 0, Critical)}},
			want:   "0.00", known: 2,
		},
		{
			name:   "a partial outage counts three tenths",
			record: &Record{Name: "api", FirstAt: now.Add(-day), Incidents: []Incident{outage(now.Add(-day), 0, Major)}},
			want:   "70.00", known: 2,
		},
		{
			name: "two at once are one",
			record: &Record{Name: "api", FirstAt: now.Add(-10 * time.Hour), Incidents: []Incident{
				outage(now.Add(-2*time.Hour), time.Hour, Critical), outage(now.Add(-2*time.Hour), 30*time.Minute, Major),
			}},
			want: "90.00", known: 1,
		},
		{
			name:   "older than its first webhook",
			record: &Record{Name: "api", FirstAt: now.Add(-time.Hour), Incidents: []Incident{outage(now.Add(-2*time.Hour), time.Hour, Critical)}},
			want:   "50.00", known: 1,
		},
		{
			name:   "before the bars begin",
			record: &Record{Name: "api", FirstAt: now.Add(-500 * day), Incidents: []Incident{outage(now.Add(-120*day), day, Critical)}},
			want:   "100.00", known: 90,
		},
		{
			name:   "days that are left of pruned incidents",
			record: &Record{Name: "api", FirstAt: today.Add(-89 * day), Days: []Day{{Date: "2026-11-01", Critical: 12 * time.Hour}, {Date: "2026-01-01", Critical: day}}},
			want:   "99.44", known: 90, // 12 of 2,148 hours
		},
		{
			name:        "announced",
			record:      &Record{Name: "api", FirstAt: now.Add(-10 * time.Hour), Incidents: []Incident{outage(now.Add(-3*time.Hour), 2*time.Hour, Critical)}},
			maintenance: []Maintenance{{Start: now.Add(-4 * time.Hour), End: now.Add(-time.Hour)}},
			want:        "100.00", known: 1,
		},
		{
			name:        "announced for a part of it: one of eight hours",
			record:      &Record{Name: "api", FirstAt: now.Add(-10 * time.Hour), Incidents: []Incident{outage(now.Add(-3*time.Hour), 2*time.Hour, Critical)}},
			maintenance: []Maintenance{{Start: now.Add(-4 * time.Hour), End: now.Add(-2 * time.Hour)}},
			want:        "87.50", known: 1,
		},
		{
			name:        "announced for another",
			record:      &Record{Name: "api", FirstAt: now.Add(-10 * time.Hour), Incidents: []Incident{outage(now.Add(-2*time.Hour), time.Hour, Critical)}},
			maintenance: []Maintenance{{Services: []string{"web"}, Start: now.Add(-4 * time.Hour), End: now}},
			want:        "90.00", known: 1,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := (&Site{Maintenance: row.maintenance}).uptimeOf(row.record, now)
			assert.Len(t, u.Days, 90)
			assert.Equal(t, today, u.Days[89].Date)
			known := 0
			for _, d := range u.Days {
				if d.Known {
					known++
					assert.LessOrEqual(t, d.Major+d.Critical, d.Length)
				}
			}
			assert.Equal(t, row.known, known)
			assert.Equal(t, row.want != "", u.Known)
			if u.Known {
				assert.Equal(t, row.want, u.Percent())
			}
		})
	}
}

func TestBars(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	from := time.Date(2026, 11, 18, 6, 0, 0, 0, time.UTC)
	record := &Record{Name: "api", FirstAt: now.AddDate(0, 0, -29), Incidents: []Incident{{
		ID: "1", CreatedAt: from, ResolvedAt: from.Add(12 * time.Hour),
		Points: []Point{{At: from, Page: true, Services: []string{"api"}, Severity: Critical}},
	}}}
	v := &webView{words: newWords(nil), site: &Site{}, now: now}
	b := v.bars("api", v.site.uptimeOf(record, now))
	assert.Equal(t, "M0 17H478", b.Unknown)
	assert.Equal(t, "M480 17H718", b.Known)
	assert.Equal(t, "api, last 90 days: 98.27 % uptime; 18 Nov: Major outage 12 h.", b.Label)
	if assert.Len(t, b.Bad, 1) {
		assert.Equal(t, Critical, b.Bad[0].State)
		assert.Equal(t, "M696 17v17h6v-17zM696 37h6v6h-6z", b.Bad[0].Path, "half of the day, and a square under it")
	}
	assert.Equal(t, "web, last 90 days: no data.", v.bars("web", v.site.uptimeOf(nil, now)).Label)
}

func TestSay(t *testing.T) {
	w := words{"two": "{} and {}", "one": "{}"}
	assert.Equal(t, "{} and b", w.say("two", "{}", "b"), "what is filled in is not filled in itself")
	assert.Equal(t, "a and ", w.say("two", "a"))
	assert.Equal(t, "a", w.say("one", "a", "b"))
}
