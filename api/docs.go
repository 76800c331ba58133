package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	swaggerui "github.com/swaggest/swgui/v5/static"
)

// ownDocs has the pages, and the script that starts Swagger UI.
//
//go:embed docs
var ownDocs embed.FS

// docsPolicy lets the API reference load from and call only this server. Swagger UI needs inline styles, and data URLs for its
// icons; it has no inline scripts.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// docsFile is a file of the API reference, or the page at /.
type docsFile struct {
	path        string
	contentType string
	etag        string
	content     []byte
	// plain is set if content is compressed with gzip. It returns the decompressed content, which it makes on the first call,
	// because that takes a while and most programs never need it.
	plain func() ([]byte, error)
}

// registerDocs adds the API reference of the contract at base + "openapi.yaml": GET base + "docs" with the embedded files that
// its page loads. All links are relative, so that they also work under another base and a proxy's path prefix.
func registerDocs(e *echo.Echo, base string) error {
	files, err := docsFiles()
	if err != nil {
		return fmt.Errorf("api: the API reference: %w", err)
	}
	for _, file := range files {
		get(e, base+file.path, file.serve)
	}
	get(e, base+"docs/", func(c echo.Context) error { return c.Redirect(http.StatusMovedPermanently, "../docs") })
	return nil
}

// registerHome adds a page at / for browsers, which links to the API reference.
func registerHome(e *echo.Echo) error {
	home, err := newDocsFile(ownDocs, "docs/home.html", "", "text/html; charset=utf-8")
	if err != nil {
		return fmt.Errorf("api: the page at /: %w", err)
	}
	get(e, "/", func(c echo.Context) error {
		c.Response().Header().Add(echo.HeaderVary, echo.HeaderAccept)
		if !strings.Contains(c.Request().Header.Get(echo.HeaderAccept), "text/html") {
			return NewError(CodeNotFound, "", nil)
		}
		return home.serve(c)
	})
	return nil
}

// docsFiles returns the files of the API reference, which all handlers share.
var docsFiles = sync.OnceValues(func() ([]*docsFile, error) {
	var files []*docsFile
	for _, source := range []struct {
		from       embed.FS
		name, path string
		mediaType  string
	}{
		{ownDocs, "docs/index.html", "docs", "text/html; charset=utf-8"},
		{ownDocs, "docs/init.js", "docs/init.js", "text/javascript; charset=utf-8"},
		{swaggerui.FS, "swagger-ui-bundle.js.gz", "docs/swagger-ui.js", "text/javascript; charset=utf-8"},
		{swaggerui.FS, "swagger-ui.css.gz", "docs/swagger-ui.css", "text/css; charset=utf-8"},
		{swaggerui.FS, "favicon-32x32.png", "docs/favicon.png", "image/png"},
	} {
		file, err := newDocsFile(source.from, source.name, source.path, source.mediaType)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
})

func newDocsFile(from embed.FS, name, path, mediaType string) (*docsFile, error) {
	content, err := from.ReadFile(name)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	file := &docsFile{
		path: path, contentType: mediaType, content: content,
		// Weak, because it is the same with and without gzip.
		etag: `W/"` + hex.EncodeToString(sum[:8]) + `"`,
	}
	if strings.HasSuffix(name, ".gz") {
		file.plain = sync.OnceValues(func() ([]byte, error) { return gunzip(content) })
	}
	return file, nil
}

func (f *docsFile) serve(c echo.Context) error {
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, f.contentType)
	header.Set(echo.HeaderContentSecurityPolicy, docsPolicy)
	header.Set(echo.HeaderXContentTypeOptions, "nosniff")
	header.Set(echo.HeaderReferrerPolicy, "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set(echo.HeaderCacheControl, "no-cache") // a browser asks each time, and mostly gets 304
	header.Set("Etag", f.etag)

	content := f.content
	if f.plain != nil {
		header.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
		if acceptsGzip(c.Request()) {
			header.Set(echo.HeaderContentEncoding, "gzip")
		} else {
			var err error
			if content, err = f.plain(); err != nil {
				return err
			}
		}
	}
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(content))
	return nil
}

// acceptsGzip reports whether the client certainly accepts gzip.
func acceptsGzip(r *http.Request) bool {
	for offer := range strings.SplitSeq(r.Header.Get(echo.HeaderAcceptEncoding), ",") {
		if strings.TrimSpace(offer) == "gzip" {
			return true
		}
	}
	return false
}

func gunzip(data []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}
