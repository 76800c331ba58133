package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/opentrusthub/trusthub"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

// The versions of the peers.
const (
	prismVersion      = "5.16.0"
	stripeMockVersion = "v0.203.0"
)

const peerStartLimit = time.Minute

// peer is another server that a client could be tested against. Peers keep nothing: they respond with an example.
type peer struct {
	name    string
	install func(ctx context.Context, folder string) error
	command func(folder, address string) programtest.Command
	request string // a create
	status  int
}

func peers() []peer {
	return []peer{{
		name: "Prism " + prismVersion,
		install: func(ctx context.Context, folder string) error {
			if err := os.WriteFile(filepath.Join(folder, "openapi.yaml"), []byte(trusthub.Contract()), 0o600); err != nil {
				return err
			}
			return runIn(ctx, folder, "npm", "install", "--prefix", ".", "--no-audit", "--no-fund", "--ignore-scripts",
				"@stoplight/prism-cli@"+prismVersion)
		},
		command: func(folder, address string) programtest.Command {
			_, port, _ := net.SplitHostPort(address) // it comes from a listener
			return programtest.Command{
				Path: filepath.Join(folder, "node_modules", ".bin", "prism"), Dir: folder, Env: os.Environ(),
				Args: []string{"mock", "--host", "127.0.0.1", "--port", port, "--verboseLevel", "error", "openapi.yaml"},
			}
		},
		request: post("/v1/TrustProducts", createForm), status: http.StatusCreated,
	}, {
		name: "stripe-mock " + stripeMockVersion,
		install: func(ctx context.Context, folder string) error {
			return runIn(ctx, folder, "env", "GOBIN="+folder, "go", "install", "github.com/stripe/stripe-mock@"+stripeMockVersion)
		},
		command: func(folder, address string) programtest.Command {
			return programtest.Command{
				Path: filepath.Join(folder, "stripe-mock"), Dir: folder,
				Args: []string{"-http-addr", address, "-https-addr", "127.0.0.1:0"}, // it serves both
			}
		},
		request: withForm("POST /v1/customers HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer sk_test_123\r\n",
			"name=Acme&email="+email),
		status: http.StatusOK,
	}}
}

func runIn(ctx context.Context, folder, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // G204: constants
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

// besidePeers is figure 15: durable creates, compared with those of peers, which keep nothing. It needs the peers' registries.
func (b *bench) besidePeers(ctx context.Context) (_ []row, err error) {
	if !b.Peers {
		return nil, nil
	}
	s, err := serveDatabase(ctx, b.path("peers.db"), durable)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	s.work(ctx)
	var rows []row
	for _, p := range peers() {
		r := row{what: "durable creates, of those of " + p.name + ", which keeps nothing"}
		result, err := b.besidePeer(ctx, s, p)
		if err != nil {
			b.say("%s: %v", p.name, err)
			r.reached, r.verdict = "it cannot be installed or started here", notMeasured
		} else {
			r = shareRow(r.what, result, 0)
			r.ratio, r.goal, r.verdict = fmt.Sprintf("%.1f", result.ratio), "", ""
		}
		rows = append(rows, r)
	}
	rows[0].number = "15"
	return rows, nil
}

func (b *bench) besidePeer(ctx context.Context, s *local, p peer) (_ share, err error) {
	folder, err := os.MkdirTemp(b.folder, "peer")
	if err != nil {
		return share{}, err
	}
	b.say("installing %s", p.name)
	if err := p.install(ctx, folder); err != nil {
		return share{}, err
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return share{}, err
	}
	process, err := programtest.Launch(p.command(folder, address))
	if err != nil {
		return share{}, err
	}
	defer func() { err = errors.Join(err, process.Kill()) }()
	if err := accepting(ctx, address); err != nil {
		return share{}, err
	}
	theirs := load{
		address: address, connections: b.Connections, status: p.status,
		request: func(buffer []byte, _ int) []byte { return append(buffer, p.request...) },
	}
	return inTurns(ctx, b.Rounds, creates(s.address, b.Connections).rounds(b.Round), theirs.rounds(b.Round))
}

// freeAddress returns an address on loopback that nobody listens on.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// accepting waits until a peer accepts connections.
func accepting(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, peerStartLimit)
	defer cancel()
	return poll(ctx, func() (bool, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return false, nil //nolint:nilerr // not yet
		}
		return true, conn.Close()
	})
}
