package interop

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// The commands of the two reference pages, verbatim. The test replaces only the host, the credentials and {Sid}.
const (
	createCommand = `curl \
 --request POST 'https://trusthub.twilio.com/v1/TrustProducts' \
 --user "username:password" \
 --header "Content-Type: application/x-www-form-urlencoded" \
 --data 'Email=email&PolicySid=RNaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&FriendlyName=friendly_name&StatusCallback=http%3A%2F%2Fwww.example.com'`

	updateCommand = `curl \
 -X POST https://trusthub.twilio.com/v1/TrustProducts/{Sid} \
 --user "username:password" \
 -H "Content-Type: application/x-www-form-urlencoded" \
 -d 'Email=string&FriendlyName=string&Status=draft&StatusCallback=https%3A%2F%2Fexample.com'`
)

// The fields that the pages list, and links, which is in the example of both.
var (
	updateFields = []string{
		"account_sid", "date_created", "date_updated", "email", "friendly_name", "links", "policy_sid", "sid", "status",
		"status_callback", "url", "valid_until",
	}
	createFields = append([]string{"errors"}, updateFields...)
)

func TestSeedCurl(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testSeedCurl)
}

func testSeedCurl(t *testing.T, server *url.URL) {
	t.Helper()
	status, header, created := curl(t, server, createCommand)
	if status != http.StatusCreated {
		t.Fatalf("create returns %d: %v", status, created)
	}
	checkCORS(t, header)
	checkFields(t, created, createFields, map[string]any{
		"account_sid": accountSID, "policy_sid": "RNaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "email": "email",
		"friendly_name": "friendly_name",
		"status":        "draft", "status_callback": "http://www.example.com", "valid_until": nil, "errors": nil,
	})
	sid, _ := created["sid"].(string)
	if !productSID.MatchString(sid) {
		t.Fatalf("sid is %q, want %s", sid, productSID)
	}

	status, _, updated := curl(t, server, updateCommand, "{Sid}", sid)
	if status != http.StatusOK {
		t.Fatalf("update returns %d: %v", status, updated)
	}
	checkFields(t, updated, updateFields, map[string]any{
		"account_sid": accountSID, "policy_sid": created["policy_sid"], "email": "string", "friendly_name": "string",
		"status": "draft", "status_callback": "https://example.com", "valid_until": nil,
		"sid": sid, "url": created["url"], "links": created["links"], "date_created": created["date_created"],
	})
}

// curl runs a command in a shell, after the replacements (pairs of old and new, each of which must be found), and returns the
// response with its JSON.
func curl(
	t *testing.T, server *url.URL, command string, replacements ...string,
) (status int, header http.Header, fields map[string]any) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal(err) // and not a skip: a test that did not run proves nothing
	}
	replacements = append(replacements,
		"https://trusthub.twilio.com", server.String(), "username:password", accountSID+":"+authToken)
	for i := 0; i < len(replacements); i += 2 {
		if !strings.Contains(command, replacements[i]) {
			t.Fatalf("%q is not in %s", replacements[i], command)
		}
		command = strings.ReplaceAll(command, replacements[i], replacements[i+1])
	}
	// The added options print the response with its header, and do not change the request.
	shell := exec.CommandContext(t.Context(), "sh", "-c", command+" --include --raw --max-time 30")
	// Without the developer's proxy and .curlrc.
	shell.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "NO_PROXY=*"} //nolint:forbidigo // to find curl
	var stderr bytes.Buffer
	shell.Stderr = &stderr
	output, err := shell.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, &stderr)
	}
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(output)), nil)
	if err != nil {
		t.Fatalf("%v in %q", err, output)
	}
	defer response.Body.Close() //nolint:errcheck // it is memory
	if err := json.NewDecoder(response.Body).Decode(&fields); err != nil {
		t.Fatalf("%v in %q", err, output)
	}
	return response.StatusCode, response.Header, fields
}

// checkFields expects every listed field, with the value in want if it has one, and dates in the format of the create page.
func checkFields(t *testing.T, got map[string]any, listed []string, want map[string]any) {
	t.Helper()
	for _, name := range listed {
		value, ok := got[name]
		if !ok {
			t.Errorf("%s is missing", name)
		}
		if wanted, ok := want[name]; ok && !reflect.DeepEqual(value, wanted) {
			t.Errorf("%s is %v, want %v", name, value, wanted)
		}
	}
	date := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)
	for _, name := range []string{"date_created", "date_updated"} {
		if text, _ := got[name].(string); !date.MatchString(text) {
			t.Errorf("%s is %v, want %s", name, got[name], date)
		}
	}
}

// checkCORS expects the response headers that the create page lists.
func checkCORS(t *testing.T, header http.Header) {
	t.Helper()
	for _, name := range []string{"Origin", "Methods", "Headers", "Credentials"} {
		if header.Get("Access-Control-Allow-"+name) == "" {
			t.Errorf("no Access-Control-Allow-%s header", name)
		}
	}
	if header.Get("Access-Control-Expose-Headers") == "" {
		t.Error("no Access-Control-Expose-Headers header")
	}
}
