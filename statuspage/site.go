package statuspage

// Site is what a page looks like and says. The zero value is a plain page.
type Site struct {
	// Title is the page's name. Defaults to "Status".
	Title string `yaml:"title"`
	// BasePath is where the page is mounted, such as "/status". Defaults to "/".
	BasePath string `yaml:"base_path"`
	// URL is the address of the page for those outside, for feeds and badges,
	// such as "https://status.example.com". Defaults to what a request asks for.
	URL string `yaml:"url"`
}
