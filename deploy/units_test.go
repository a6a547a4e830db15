package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// units are those of systemd, by name.
func units(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"*.service", "*.timer"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			doc, err := os.ReadFile(file)
			require.NoError(t, err)
			out[file] = string(doc)
		}
	}
	require.Len(t, out, 3)
	return out
}

// verify has systemd look at units, with a program that is there.
func verify(t *testing.T, units map[string]string) string {
	t.Helper()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not there")
	}
	dir := t.TempDir()
	args := []string{"verify", "--man=no"}
	for name, doc := range units {
		file := filepath.Join(dir, name)
		doc = strings.ReplaceAll(doc, "/usr/local/bin/routewatch", "/bin/true")
		require.NoError(t, os.WriteFile(file, []byte(doc), 0o600))
		args = append(args, file)
	}
	out, err := exec.CommandContext(t.Context(), analyze, args...).CombinedOutput()
	if err != nil {
		return string(out) + err.Error()
	}
	return string(out)
}

func TestUnitsAreSound(t *testing.T) {
	assert.Empty(t, verify(t, units(t)))
}

func TestSystemdFindsMistakes(t *testing.T) {
	for _, m := range []mistake{
		{"misspelt setting", "ProtectSystem=", "ProtectSistem=", "ProtectSistem"},
		{"value", "SystemCallFilter=@system-service", "SystemCallFilter=@sistem-service", "@sistem-service"},
		{"type", "Type=oneshot", "Type=oneshoot", "oneshoot"},
		{"time", "OnCalendar=*:*:05", "OnCalendar=*:*:61", "calendar"},
		{"program", "ExecStart=/usr", "ExecStart=usr", "usr/local"},
	} {
		t.Run(m.name, func(t *testing.T) {
			broken := units(t)
			for name, doc := range broken {
				broken[name] = strings.Replace(doc, m.from, m.to, 1)
			}
			assert.Contains(t, verify(t, broken), m.want)
		})
	}
}

// What shields one service shields the other.
func TestServicesAreShieldedAlike(t *testing.T) {
	settings := func(doc string) []string {
		return regexp.MustCompile(`(?m)^(?:NoNewPrivileges|CapabilityBoundingSet|DynamicUser|StateDirectoryMode|Private\w+|Protect\w+|Lock\w+|Memory\w+|Restrict\w{6,}|SystemCall\w+|UMask)=.*$`).FindAllString(doc, -1)
	}
	all := units(t)
	page := settings(all["routewatch-statuspage.service"])
	require.Greater(t, len(page), 20)
	assert.Equal(t, page, settings(all["routewatch-metricsync.service"]))
}
