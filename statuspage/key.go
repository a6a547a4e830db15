package statuspage

import "github.com/routewatch/routewatch/internal/storekey"

// The folders of the store, beside those of internal/chartdoc. services is that of
// the Status Page Reference.
const (
	servicesFolder = "services/" // NAME.json: {"state","message"}, and nothing else
	recordsFolder  = "records/"  // NAME.json: Record
)

// keyOf is the key of a name in a folder.
func keyOf(folder, name string) string { return storekey.Of(folder, name) }
