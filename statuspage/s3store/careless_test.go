package s3store_test

import (
	"crypto/md5"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// careless is an S3 server that ignores every condition, as some do.
type careless struct {
	mu       sync.Mutex
	objects  map[string][]byte
	metadata map[string]string
}

const metaHeader = "X-Amz-Meta-Routewatch-Writes"

func (c *careless) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case r.Method == http.MethodPut:
		c.objects[key], c.metadata[key] = body, r.Header.Get(metaHeader)
		w.Header().Set("ETag", etag(body))
	case r.Method == http.MethodDelete:
		delete(c.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case r.URL.Query().Get("list-type") == "2":
		c.list(w, r)
	case c.objects[key] == nil:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `<Error><Code>NoSuchKey</Code></Error>`)
	default:
		w.Header().Set("ETag", etag(c.objects[key]))
		w.Header().Set(metaHeader, c.metadata[key])
		_, _ = w.Write(c.objects[key])
	}
}

func etag(body []byte) string { return fmt.Sprintf(`"%x"`, md5.Sum(body)) }

// list gives pages of 100.
func (c *careless) list(w http.ResponseWriter, r *http.Request) {
	type contents struct{ Key, ETag string }
	var out struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		Contents              []contents
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
	}
	prefix, after := r.URL.Query().Get("prefix"), r.URL.Query().Get("continuation-token")
	for _, key := range slices.Sorted(maps.Keys(c.objects)) {
		if !strings.HasPrefix(key, prefix) || key <= after {
			continue
		}
		if len(out.Contents) == 100 {
			out.IsTruncated, out.NextContinuationToken = true, out.Contents[99].Key
			break
		}
		out.Contents = append(out.Contents, contents{key, etag(c.objects[key])})
	}
	_ = xml.NewEncoder(w).Encode(out)
}
