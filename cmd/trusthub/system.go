package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	operatorapi "github.com/opentrusthub/trusthub/gen/operator"
	"github.com/opentrusthub/trusthub/internal/mail"
	"github.com/opentrusthub/trusthub/internal/operator"
	"github.com/opentrusthub/trusthub/internal/store"
)

// systemFlags name the system that an operator's command acts on: a database, or a server through its operator API.
type systemFlags struct {
	dbFlag
	OperatorURL   string `name:"operator-url" env:"TRUSTHUB_OPERATOR_URL" placeholder:"URL" help:"Act on the server with this URL through its operator API, instead of on the database."`
	OperatorToken string `env:"TRUSTHUB_OPERATOR_TOKEN" placeholder:"TOKEN" help:"With --operator-url: the server's operator token. Prefer the variable: other users of the machine can see the command line."`

	mailFrom   string // set by commands that show e-mails, which on a database depend on it
	needsToken bool   // set by commands that read or set auth tokens, which on a database may need its keys
}

// AfterApply is called by kong when it has read the command line and the environment.
func (f *systemFlags) AfterApply(line *kong.Context) error {
	if f.OperatorURL == "" {
		return nil
	}
	_, named := os.LookupEnv("TRUSTHUB_DB")
	for _, element := range line.Path {
		named = named || (element.Flag != nil && element.Flag.Name == "db")
	}
	if named {
		return errors.New("--db (TRUSTHUB_DB) and --operator-url (TRUSTHUB_OPERATOR_URL) name two systems: give one of them, and unset the " +
			"variable of the other")
	}
	u, err := url.Parse(f.OperatorURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("--operator-url must be an absolute http or https URL without user name, query and fragment")
	}
	if f.OperatorToken == "" {
		return errors.New("--operator-url requires TRUSTHUB_OPERATOR_TOKEN, the server's operator token")
	}
	return nil
}

// system is what a command acts on, always through the operator API.
type system struct {
	*operatorapi.Client

	store *store.Store // nil if it is a server
}

// on calls do with the system that the flags name, and says on standard error which one that is. access says what to do if the
// database does not exist.
func (f *systemFlags) on(ctx context.Context, s streams, access store.Access, do func(system) error) (err error) {
	if f.OperatorURL != "" {
		return f.onServer(ctx, s, callTimeout, do)
	}
	db, err := f.open(ctx, store.Options{Access: access, KeysOptional: !f.needsToken})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// The API does not show the cause of its own failures; the log does, as that of a server.
	log := slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: slog.LevelError}))
	mails, err := mail.NewComposer(cmp.Or(f.mailFrom, mail.DefaultFrom))
	if err != nil {
		return fmt.Errorf("--mail-from: %w", err)
	}
	transport, err := operator.Local(db, mails, time.Now, log)
	if err != nil {
		return err
	}
	api, err := operatorapi.NewClient("http://localhost", operatorapi.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		return err
	}
	fmt.Fprintln(s.err, "on the database", f.shownDB())
	return do(system{api, db})
}

// onExisting is on for all commands but those that can create the database: a mistyped name must not create one.
func (f *systemFlags) onExisting(ctx context.Context, s streams, do func(system) error) error {
	return f.on(ctx, s, store.Existing, do)
}

// callTimeout bounds a call to a server, which responds within 30 seconds. A stream has no end.
const (
	callTimeout = time.Minute
	noTimeout   = 0
)

// onServer is on for the server that --operator-url names. The client follows no redirects, because the token is for this server
// only.
func (f *systemFlags) onServer(ctx context.Context, s streams, timeout time.Duration, do func(system) error) error {
	api, err := operatorapi.NewClient(f.OperatorURL,
		operatorapi.WithHTTPClient(&http.Client{
			Timeout:       timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
		operatorapi.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+f.OperatorToken)
			return nil
		}))
	if err != nil {
		return err
	}
	fmt.Fprintln(s.err, "on", f.OperatorURL)
	server := system{Client: api}
	return f.explain(explainMissing(ctx, server, do(server)))
}

// explain adds to an error of a call to a server what to do about it.
func (f *systemFlags) explain(err error) error {
	if failure, ok := errors.AsType[*net.OpError](err); ok && failure.Op == "dial" {
		return fmt.Errorf("no server at %s; start one with 'trusthub serve', or choose another with --operator-url: %w", f.OperatorURL, err)
	}
	if isStatus(err, http.StatusUnauthorized) {
		return fmt.Errorf("%w; TRUSTHUB_OPERATOR_TOKEN must be the server's operator token", err)
	}
	return err
}

// explainMissing returns err unless it means that the server has no operator API, for which it says what to do. An unknown bundle
// or delivery has the same status.
func explainMissing(ctx context.Context, api system, err error) error {
	if !isStatus(err, http.StatusNotFound) {
		return err
	}
	_, probe := responseOf[operatorapi.ReviewPage](api.ListReview(ctx, &operatorapi.ListReviewParams{PageSize: new(int64(1))})) //nolint:bodyclose // responseOf does
	if isStatus(probe, http.StatusNotFound) {
		return fmt.Errorf("%s has no operator API: set TRUSTHUB_OPERATOR_TOKEN there, or choose the address of its --operator-listen", api.Server)
	}
	return err
}

// shownDB returns the name of the database without what may be secret: the user, the password and the parameters of a URL.
func (f *systemFlags) shownDB() string {
	scheme, _, isURL := strings.Cut(f.DB, "://")
	if !isURL {
		return f.DB
	}
	u, err := url.Parse(f.DB)
	if err != nil {
		return scheme
	}
	return scheme + "://" + u.Host + u.Path
}
