package routewatch_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A service that wraps its handler compiles what is listed here, and nothing
// else outside the standard library: no web framework, no cloud's SDK, nothing
// for tests. What is added here, every user pays for.
var allowedModules = []string{
	"github.com/hashicorp/go-cleanhttp",
	"github.com/hashicorp/go-retryablehttp",
	"github.com/opsgenie/opsgenie-go-sdk-v2",
	"github.com/pkg/errors",
	"github.com/routewatch/routewatch",
	"github.com/sirupsen/logrus",
	"golang.org/x/sys",
}

func TestDependencies(t *testing.T) {
	for _, module := range under(t, ".") {
		assert.Contains(t, allowedModules, module, "a user of the root package would compile it")
	}
}

// under is the modules that compiling a package takes.
func under(t *testing.T, pkg string) []string {
	t.Helper()
	const module = "{{with .Module}}{{.Path}}{{end}}" // none in the standard library
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", module, pkg).CombinedOutput()
	require.NoError(t, err, "%s", out)
	modules := strings.Fields(string(out))
	slices.Sort(modules)
	return slices.Compact(modules)
}
