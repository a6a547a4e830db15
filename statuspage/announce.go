package statuspage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// announcedKey is the document of when each maintenance was planned. The settings
// say when it is, not since when it is known, and a feed has to date the news.
const announcedKey = "maintenance.json"

// announcements are when maintenance was first planned, by Maintenance.planned.
type announcements map[string]time.Time

// planned names a maintenance at the time that it has: one that is put off is
// announced anew.
func (m Maintenance) planned() string {
	sum := sha256.Sum256([]byte(m.ID + m.Start.UTC().Format(" "+time.RFC3339Nano) + m.End.UTC().Format(" "+time.RFC3339Nano)))
	return hex.EncodeToString(sum[:6])
}

// announce stores since when each maintenance is known that is not over. Of
// several replicas the first tells the time.
func (p *Page) announce(ctx context.Context) error {
	now := wallNow()
	var news []string
	for _, m := range p.cfg.Site.Maintenance {
		if _, known := p.Snapshot().announced[m.planned()]; !known && m.Phase(now) != Done {
			news = append(news, m.planned())
		}
	}
	if len(news) == 0 {
		return nil
	}
	var all announcements
	err := p.cfg.Store.Update(ctx, announcedKey, func(doc []byte) ([]byte, error) {
		all = announcements{}
		if doc != nil && json.Unmarshal(doc, &all) != nil {
			all = announcements{} // what is damaged is announced once more
		}
		maps.DeleteFunc(all, func(_ string, at time.Time) bool { return now.Sub(at) > historyFor })
		had := len(all)
		for _, name := range news {
			if _, known := all[name]; !known {
				all[name] = now
			}
		}
		if len(all) == had {
			return doc, nil
		}
		return json.Marshal(all)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", announcedKey, err)
	}
	p.snap.announce(all)
	return nil
}
