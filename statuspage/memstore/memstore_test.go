package memstore_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/routewatch/routewatch/statuspage"
	"github.com/routewatch/routewatch/statuspage/memstore"
	"github.com/routewatch/routewatch/statuspage/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) statuspage.Store { return memstore.New() })
}
