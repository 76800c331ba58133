package interop

import (
	"os/exec"
	"testing"
	"time"

	"github.com/twilio/twilio-go/client"
	trusthub "github.com/twilio/twilio-go/rest/trusthub/v1"
)

// TestAPIKey: the official SDK calls the server with an API key, as with ClientParams{Username: key, Password: secret, AccountSid: sid}.
// What it creates belongs to the account, and callbacks are signed with the account's auth token. A removed key is refused.
func TestAPIKey(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, database string) {
		e := newEnvironment(t, database, "--review-delay", "0s")
		var key struct{ SID, Secret string }
		runJSON(t, &key, "keys", "add", "--account-sid", e.sub.SID, "--db", database)
		service := newServiceWith(t, e.server, client.NewCredentials(key.SID, key.Secret), e.sub.SID)
		product, err := service.CreateTrustProduct(createParams().SetStatusCallback(e.receiver.url))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "account_sid", product.AccountSid, e.sub.SID)
		_, err = service.UpdateTrustProduct(*product.Sid, new(trusthub.UpdateTrustProductParams).SetStatus("pending-review"))
		if err != nil {
			t.Fatal(err)
		}
		e.receiver.await(t, *product.Sid, "pending-review", "in-review", "twilio-approved")
		others := create(t, newService(t, e.server, authToken))
		expectError(t, "another account's product", fetch(service, *others.Sid), 404, 20404, "was not found")

		remove := exec.CommandContext(t.Context(), program, "keys", "remove", key.SID, "--db", database)
		if out, err := remove.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		poll := time.NewTicker(50 * time.Millisecond)
		defer poll.Stop()
		for removed := time.Now(); fetch(service, *product.Sid) == nil; <-poll.C {
			if time.Since(removed) > 5*time.Second { // a second, and time for a busy machine
				t.Fatal("the removed key is not refused")
			}
		}
		expectError(t, "the removed key", fetch(service, *product.Sid), 401, 20003, "Authenticate")
	})
}

func fetch(service *trusthub.ApiService, sid string) error {
	_, err := service.FetchTrustProduct(sid)
	return err
}
