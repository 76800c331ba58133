package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"time"
)

// staticPath is the start of the paths of static files.
const staticPath = Path + "static/"

//go:embed static/*.js static/*.css static/*.svg
var staticFiles embed.FS

// asset is a static file.
type asset struct {
	contentType string
	version     string // changes with the content
	content     []byte
}

func loadAssets() (map[string]asset, error) {
	types := map[string]string{
		".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}
	entries, err := staticFiles.ReadDir("static")
	if err != nil {
		return nil, err
	}
	all := map[string]asset{}
	for _, entry := range entries {
		content, err := staticFiles.ReadFile("static/" + entry.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(content)
		all[entry.Name()] = asset{types[path.Ext(entry.Name())], hex.EncodeToString(sum[:6]), content}
	}
	return all, nil
}

// ServeHTTP serves the file. Browsers keep it, because its URL changes with its content.
func (a asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", a.contentType)
	header.Set("Etag", `"`+a.version+`"`)
	header.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == a.version {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
}

func assetURL(assets map[string]asset, name string) (string, error) {
	a, ok := assets[name]
	if !ok {
		return "", fmt.Errorf("there is no file %q", name)
	}
	return staticPath + name + "?v=" + a.version, nil
}
