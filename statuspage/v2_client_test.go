package statuspage_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/statuspage"
)

// The page is read by a library that others wrote for Atlassian Statuspage:
// "statuspage.io" of npm, which runs in a process of its own.
func TestV2_readByAnotherLibrary(t *testing.T) {
	if testing.Short() {
		t.Skip("installs a package of npm")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node to run the other library with: install Node.js")
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("there is no npm to install the other library with")
	}
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "statuspage.io"))))
	install := exec.CommandContext(t.Context(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("npm cannot install the other library: %v\n%s", err, out)
	}

	now := time.Now()
	s := newSite(t, func(c *statuspage.Config) {
		c.Site.BasePath, c.Site.URL = "/status", "https://status.acme.example/status"
		c.Site.Groups = []statuspage.Group{{Name: "Shop", Services: []string{"API", "Mail"}}}
		c.Site.Maintenance = []statuspage.Maintenance{
			{ID: "next", Title: "Upgrade", Start: now.Add(time.Hour), End: now.Add(2 * time.Hour)},
			{ID: "last", Title: "Move", Services: []string{"Mail"}, Start: now.Add(-2 * time.Hour), End: now.Add(-time.Hour)},
		}
	})
	s.tell(alert{action: "Create", id: "1", message: "API errors", tags: tags("critical", "API"), created: now.Add(-time.Hour), updated: now.Add(-time.Hour)})
	s.tell(alert{action: "AddNote", id: "1", message: "API errors", note: "a disk", tags: tags("critical", "API"), created: now.Add(-time.Hour), updated: now})
	s.tell(alert{action: "Create", id: "2", message: "slow", tags: tags("major", "Mail"), updated: now.Add(-time.Minute)})
	s.tell(alert{action: "Close", id: "2", message: "slow", tags: tags("major", "Mail"), created: now.Add(-time.Minute), updated: now})
	srv := serve(t, s.api)

	var stdout, stderr bytes.Buffer
	read := exec.CommandContext(t.Context(), node, "read.js", srv.URL+"/status")
	read.Dir, read.Stdout, read.Stderr = dir, &stdout, &stderr
	read.Env = append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	require.NoError(t, read.Run(), stderr.String())
	var got struct{ Summary, Status, Components, Incidents, Unresolved, Maintenances, Upcoming v2Answer }
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &got), stdout.String())

	assert.Equal(t, "critical", got.Status.Status.Indicator)
	assert.Equal(t, "Major outage: API", got.Summary.Status.Description)
	assert.Equal(t, "Acme", got.Summary.Page.Name)
	want := []string{"1 Shop major_outage: API Mail", "1 API major_outage in Shop", "2 Mail operational in Shop"}
	assert.Equal(t, want, lines(got.Components.Components))
	assert.Equal(t, want, lines(got.Summary.Components))
	require.Len(t, got.Incidents.Incidents, 2)
	assert.Equal(t, "resolved", got.Incidents.Incidents[0].Status)
	require.Len(t, got.Unresolved.Incidents, 1)
	assert.Equal(t, "API errors", got.Unresolved.Incidents[0].Name)
	assert.Equal(t, "a disk", got.Unresolved.Incidents[0].Updates[0].Body)
	require.NotEmpty(t, got.Maintenances.Maintenances) // this version of the library asks for the upcoming ones
	require.Len(t, got.Summary.Maintenances, 1)
	require.Len(t, got.Upcoming.Maintenances, 1)
	assert.Equal(t, "next", got.Upcoming.Maintenances[0].ID)
	assert.NotNil(t, got.Upcoming.Maintenances[0].ScheduledFor)
}
