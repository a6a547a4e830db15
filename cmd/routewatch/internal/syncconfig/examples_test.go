package syncconfig_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/cmd/routewatch/internal/syncconfig"
)

const root = "../../../../"

// settings tells those of metric sync from other YAML.
var settings = regexp.MustCompile(`(?m)^metrics:`)

// blocks are those of YAML in Markdown.
var blocks = regexp.MustCompile("(?s)\n( *)```yaml\n(.*?)\n *```")

// Every example can be used as it is.
func TestExamples(t *testing.T) {
	examples := map[string]string{}
	for _, pattern := range []string{"deploy/*.yaml", "examples/*/*.yaml"} {
		files, err := filepath.Glob(root + pattern)
		require.NoError(t, err)
		for _, file := range files {
			doc, err := os.ReadFile(file)
			require.NoError(t, err)
			if settings.Match(doc) {
				examples[strings.TrimPrefix(file, root)] = string(doc)
			}
		}
	}
	assert.Contains(t, examples, "deploy/metricsync.yaml")
	assert.Contains(t, examples, "examples/metricsync/metricsync.yaml")
	for _, file := range []string{"README.md", "docs/metric-sync.md", "docs/deploy-aws.md"} {
		doc, err := os.ReadFile(root + file)
		require.NoError(t, err)
		for _, block := range blocks.FindAllStringSubmatchIndex(string(doc), -1) {
			indent, code := string(doc[block[2]:block[3]]), string(doc[block[4]:block[5]])
			code = strings.ReplaceAll("\n"+code, "\n"+indent, "\n")
			if settings.MatchString(code) {
				examples[file+":"+strconv.Itoa(1+strings.Count(string(doc[:block[4]]), "\n"))] = code + "\n"
			}
		}
	}
	for name, doc := range examples {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, doc, func(o *syncconfig.Options) {
				o.Secret = secrets("STATUSPAGE_API_KEY", "SIGNALFX_TOKEN")
				if strings.Contains(doc, "user:") {
					o.Secret = secrets("STATUSPAGE_API_KEY", "SIGNALFX_TOKEN", "PROMETHEUS_PASSWORD")
				}
			})
			assert.NoError(t, err)
		})
	}
}
