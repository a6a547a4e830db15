package statuspage_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/routewatch/routewatch/opsgenie/opsgenietest"
)

// ends are the ways in which an alert of the service API stops to count there.
var ends = []opsgenietest.Act{
	{Name: opsgenietest.ActClose},
	{Name: opsgenietest.ActDelete},
	{Name: opsgenietest.ActRemoveTags, Tags: []string{"servicename:API"}},
}

// TestLostCreate: a Create that got lost while the records decide is made up for as
// soon as another alert of the service ends, and not only after the interval.
func TestLostCreate(t *testing.T) {
	for _, end := range ends {
		t.Run(end.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, nil)
				x := d.raise("x", tagged("API", "major")...)
				d.reconcile()
				d.deaf = true
				y := d.raise("y", tagged("API", "critical")...)
				d.requireLook("API", "major x")
				d.deaf = false
				d.do(x, end.Name, end.Tags...)
				require.NoError(t, d.page.ReconcileIfAsked(t.Context()))
				d.requireLook("API", "critical y")

				d.do(y, end.Name, end.Tags...)
				require.NoError(t, d.page.ReconcileIfAsked(t.Context()))
				d.requireLook("API", "green")
				requireMirrors(t, d.store, d.page)
			})
		})
	}
}
