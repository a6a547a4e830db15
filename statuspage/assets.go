package statuspage

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"
)

// An asset's address changes with the asset.
var valueCacheAsset = []string{"public, max-age=3600, stale-if-error=86400"}

// readAssets makes all that pages load.
func (b *web) readAssets() error {
	read := func(name string) string {
		text, err := webFiles.ReadFile("web/" + name)
		if err != nil {
			panic(err) // it is in this package
		}
		return squeeze(string(text))
	}
	style := newWebAnswer("text/css; charset=utf-8", []byte(read("style.css")+b.colours()))
	script := newWebAnswer("text/javascript; charset=utf-8", []byte(read("page.js")))
	b.style, b.script = style.tag[:8], script.tag[:8]
	b.assets["style.css"], b.assets["page.js"] = style, script
	for _, state := range showOrder {
		b.assets[state+".svg"] = newWebAnswer("image/svg+xml", []byte(b.icon(state)))
	}
	return b.readLogo()
}

func (b *web) readLogo() error {
	logo := b.site.Logo
	if logo == "" || strings.HasPrefix(logo, "https://") {
		b.logo = logo
		return nil
	}
	kind, ok := map[string]string{
		".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp",
	}[strings.ToLower(path.Ext(logo))]
	if !ok {
		return fmt.Errorf("statuspage: Site.Logo %q is no SVG, PNG, JPEG or WebP file, nor an https address", logo)
	}
	if strings.Contains(logo, "://") {
		return fmt.Errorf("statuspage: Site.Logo %q is no https address", logo)
	}
	data, err := os.ReadFile(logo)
	if err != nil {
		return fmt.Errorf("statuspage: Site.Logo: %w", err)
	}
	a := newWebAnswer(kind, data)
	name := "logo" + strings.ToLower(path.Ext(logo))
	b.assets[name] = a
	b.logo = b.base + "/assets/" + name + "?v=" + a.tag[:8]
	return nil
}

var squeezable = regexp.MustCompile(`(?m)^[ \t]*(//.*|/\*.*\*/)\n|^[ \t]+`)

// squeeze takes out what only those need who read the source: indentation and
// lines of comment.
func squeeze(source string) string { return squeezable.ReplaceAllString(source, "") }

// colours are the configured ones, as style.
func (b *web) colours() string {
	var light, dark strings.Builder
	for _, key := range colourKeys {
		if c := b.site.Colours[key]; c != "" {
			fmt.Fprintf(&light, "--%s:%s;", key, c)
		}
		if c := b.site.Colours[key+"-dark"]; c != "" {
			fmt.Fprintf(&dark, "--%s:%s;", key, c)
		}
	}
	var out string
	if light.Len() > 0 {
		out = "@media (prefers-color-scheme:light){:root{" + light.String() + "}}\n"
	}
	if dark.Len() > 0 {
		out += "@media (prefers-color-scheme:dark){:root{" + dark.String() + "}}\n"
	}
	return out
}

// The shapes of the icon in a browser's tab, as in the page.
var iconShapes = map[string]string{
	string(Green):    `<circle cx="8" cy="8" r="8" fill="%s"/><path d="M4.2 8.3l2.5 2.5 5-5.2" %s/>`,
	string(Major):    `<path d="M8 .6 16 15H0z" fill="%s"/><path d="M8 5.5v4.2m0 1.7v1.3" %s/>`,
	string(Critical): `<path d="M4.7 0h6.6L16 4.7v6.6L11.3 16H4.7L0 11.3V4.7z" fill="%s"/><path d="M5 5l6 6m0-6-6 6" %s/>`,
	stateMaintenance: `<rect width="16" height="16" rx="3" fill="%s"/><path d="M4 12l4.6-4.6M12.2 5.6a2.6 2.6 0 1 1-2-2.2L8.9 5l1.8 1.8z" %s/>`,
}

var iconColours = map[string]string{
	string(Green): "#1a7f37", string(Major): "#bc4c00", string(Critical): "#b3121f", stateMaintenance: "#0b5cad", stateUnknown: "#59636e",
}

// icon is the picture of a state, for a browser's tab.
func (b *web) icon(state string) string {
	colour := iconColours[state]
	if c := b.site.Colours[state]; c != "" {
		colour = c
	}
	const open, stroke = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">`, `fill="none" stroke="#fff" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"`
	if state == stateUnknown {
		return open + `<circle cx="8" cy="8" r="6.8" fill="none" stroke="` + colour + `" stroke-width="2.4" stroke-dasharray="3.4 2"/></svg>`
	}
	return open + fmt.Sprintf(iconShapes[state], colour, stroke) + `</svg>`
}
