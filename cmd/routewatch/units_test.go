package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The flags of the systemd units are ones that there are: all that is wrong with
// their calls is that the settings are elsewhere.
func TestUnitsCallWhatThereIs(t *testing.T) {
	files, err := filepath.Glob("../../deploy/*.service")
	require.NoError(t, err)
	require.Len(t, files, 2)
	for _, file := range files {
		doc, err := os.ReadFile(file)
		require.NoError(t, err)
		call := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/routewatch (.*)$`).FindStringSubmatch(string(doc))
		require.Len(t, call, 2, file)
		nowhere := t.TempDir()
		args := strings.NewReplacer("/etc/routewatch", nowhere, "/var/lib", nowhere).Replace(call[1])
		code, stdout, stderr := runIt(t.Context(), strings.Fields(args)...)
		assert.NotZero(t, code)
		assert.Empty(t, stdout)
		assert.Regexp(t, nowhere+`/\w+\.yaml: no such file`, stderr)
		entries, err := os.ReadDir(nowhere)
		require.NoError(t, err)
		assert.Empty(t, entries)
	}
}
