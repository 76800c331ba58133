package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"runtime"
	"time"

	"github.com/opentrusthub/trusthub/internal/console"
	"github.com/opentrusthub/trusthub/internal/store"
)

type consoleCmd struct {
	dbFlag
	URL  string `name:"url" default:"http://127.0.0.1:8080" env:"TRUSTHUB_OPERATOR_URL,TRUSTHUB_BASE_URL" help:"URL of a server of this database: that of --operator-listen if the server has one."`
	Open bool   `help:"Open the link in a browser."`
}

// Run stores a login and prints its link.
func (c *consoleCmd) Run(ctx context.Context, s streams) error {
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return errors.New("--url must begin with http:// or https://")
	}
	return c.use(ctx, func(db *store.Store) error {
		link, err := console.NewLink(ctx, db, c.URL, time.Now(), console.LinkLife)
		if err != nil {
			return err
		}
		fmt.Fprintln(s.out, link)
		if !c.Open {
			return nil
		}
		if err := browse(ctx, link); err != nil {
			return fmt.Errorf("open a browser: %w", err)
		}
		return nil
	})
}

// browse opens a URL in the browser of the desktop.
func browse(ctx context.Context, link string) error {
	switch runtime.GOOS {
	case "darwin":
		return exec.CommandContext(ctx, "open", link).Run() //nolint:gosec // G204: the URL is one argument, and begins with http
	case "windows":
		return exec.CommandContext(ctx, "rundll32", "url.dll,FileProtocolHandler", link).Run() //nolint:gosec // G204: as above
	}
	return exec.CommandContext(ctx, "xdg-open", link).Run() //nolint:gosec // G204: as above
}
