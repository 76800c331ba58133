package operator_test

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	gen "github.com/opentrusthub/trusthub/gen/operator"
	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/mail"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestMessagesAreWhatIsSent compares the raw message of the operator API, before the first attempt and after each, with the bytes
// that a mail server gets: from an attempt that it refuses for now, the retry, and a replay a day later.
func TestMessagesAreWhatIsSent(t *testing.T) {
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			mailbox := startMailbox(t)
			s := newMailingServer(t, storetest.Open(t, database(t)), mailbox.addr)
			sid := s.submit(t, strings.Repeat(".", 200)+" Bäckerei 東京") // SMTP doubles a dot that begins a line
			before := s.fetchOnlyMessage(t, sid)
			if before.State != gen.DeliveryStateReady || before.Reason != nil || before.DateSent != nil || before.Raw == nil {
				t.Fatalf("before the first attempt: %+v", before)
			}
			for i, want := range []struct {
				after  string
				state  gen.DeliveryState
				reason string
				sent   bool
			}{
				{"1s", gen.DeliveryStateReady, "end of message: 451 4.1.1 later", false},
				{"1h", gen.DeliveryStateDelivered, "", true},
				{"24h", gen.DeliveryStateDelivered, "", true},
			} {
				if i == 2 {
					s.operate(t, http.MethodPost, "deliveries/"+before.ID+"/replay", nil)
				}
				s.work(t, want.after)
				got := s.fetchOnlyMessage(t, sid)
				if got.State != want.state || (got.DateSent != nil) != want.sent || (got.Reason != nil) != (want.reason != "") ||
					(got.Reason != nil && *got.Reason != want.reason) {
					t.Errorf("attempt %d: %+v, want %+v", i+1, got, want)
				}
				received := mailbox.messages()
				if len(received) != i+1 || got.Raw == nil || received[i] != *got.Raw || *got.Raw != *before.Raw {
					t.Fatalf("attempt %d: the mail server has %q, the API %q", i+1, received, *got.Raw)
				}
			}
		})
	}
}

// newMailingServer is newTestServer with a mail server.
func newMailingServer(t *testing.T, db *store.Store, smtpServer string) *testServer {
	t.Helper()
	if err := db.PutAccount(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	s := &testServer{now: start}
	const from = "Trust Hub <hub@sender.example>"
	now := func() time.Time { return s.now }
	sender, err := mail.NewSender(mail.Config{Server: "smtp://" + smtpServer, From: from, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	s.start(t, app.Config{Store: db, Now: now, Policy: trust.Policy{ValidFor: 24 * time.Hour}, Mail: sender.Send, MailFrom: from})
	return s
}

// submit creates a product of Alice's, submits it, and returns its SID.
func (s *testServer) submit(t *testing.T, name string) (sid string) {
	t.Helper()
	do := func(path, form string) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, serverURL+"/v1/TrustProducts"+path, strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(alice.SID, alice.AuthToken)
		w := s.do(t, r)
		var product struct {
			SID string `json:"sid"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &product); err != nil || w.Code >= http.StatusBadRequest {
			t.Fatalf("%v, status %d: %s", err, w.Code, w.Body)
		}
		sid = product.SID
	}
	do("", "Email=a@acme.example&PolicySid=RN7a97559effdf62d00f4298208492a5ea&FriendlyName="+name)
	do("/"+sid, "Status=pending-review")
	return sid
}

// fetchOnlyMessage returns the only message about a bundle.
func (s *testServer) fetchOnlyMessage(t *testing.T, bundleSID string) (m gen.Message) {
	t.Helper()
	var page gen.MessagePage
	s.operate(t, http.MethodGet, "messages?bundle_sid="+bundleSID, &page)
	if len(page.Messages) != 1 {
		t.Fatalf("the messages are %+v", page.Messages)
	}
	s.operate(t, http.MethodGet, "messages/"+page.Messages[0].ID, &m)
	return m
}

// operate sends a request to the operator API and decodes the response, unless it is nil.
func (s *testServer) operate(t *testing.T, method, path string, response any) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, serverURL+"/operator/v1/"+path, http.NoBody)
	r.Header.Set("Authorization", "Bearer "+operatorToken)
	w := s.do(t, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%s %s: status %d: %s", method, path, w.Code, w.Body)
	}
	if response == nil {
		return
	}
	if err := json.Unmarshal(w.Body.Bytes(), response); err != nil {
		t.Fatal(err)
	}
}

// mailbox is a mail server that reads all messages and takes all but the first.
type mailbox struct {
	addr string
	mu   sync.Mutex
	got  []string
}

func startMailbox(t *testing.T) *mailbox {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailbox{addr: listener.Addr().String()}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return mailSession{m}, nil }))
	server.ErrorLog = log.New(io.Discard, "", 0)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-done); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	})
	return m
}

func (m *mailbox) messages() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.got)
}

type mailSession struct{ mailbox *mailbox }

func (mailSession) Reset()                               {}
func (mailSession) Logout() error                        { return nil }
func (mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }

// Data receives a message.
func (s mailSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mailbox.mu.Lock()
	defer s.mailbox.mu.Unlock()
	s.mailbox.got = append(s.mailbox.got, string(text))
	if len(s.mailbox.got) == 1 {
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 1, 1}, Message: "later"}
	}
	return nil
}
