package metrics_test

import (
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/callback"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// toLoopback lets callbacks go to the test.
func toLoopback(net.Addr) callback.Config {
	return callback.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

// TestDashboardAndAlerts checks that what the files of deploy name is in the scrape of a server that has done one of each.
func TestDashboardAndAlerts(t *testing.T) {
	t.Parallel()
	a := start(t, app.Config{Policy: trust.Policy{AutoReview: true, ValidFor: time.Hour}, Callbacks: toLoopback})
	onboard(t, a)
	all, _ := scrape(t, a.MetricsAddr().String())
	all = append(all, sample{name: "up", labels: map[string]string{}}) // which Prometheus adds
	for source, expressions := range map[string][]string{"the alerts": alerts(t), "the dashboard": dashboard(t)} {
		if len(expressions) < 8 {
			t.Errorf("%s: only %d expressions", source, len(expressions))
		}
		for _, expression := range expressions {
			for _, problem := range unknown(expression, all) {
				t.Errorf("%s: %s in %s", source, problem, expression)
			}
		}
	}
}

// TestUnknownIsFound shows that the check can fail.
func TestUnknownIsFound(t *testing.T) {
	t.Parallel()
	all := []sample{{name: "known_total", labels: map[string]string{"color": "red"}}}
	for expression, want := range map[string]int{
		`sum by (color, instance) (rate(known_total{color=~"red|blue", job="a"}[$__rate_interval])) > 0.01 * 5`: 0,
		`rate(unknown_total{color="red"}[5m])`: 1,
		`known_total{size="big"}`:              1,
		`sum by (size) (known_total)`:          1,
		`known_total and on (size) other`:      2,
	} {
		if got := unknown(expression, all); len(got) != want {
			t.Errorf("%s: %q, want %d problems", expression, got, want)
		}
	}
}

// alerts returns the expressions of the alerts.
func alerts(t *testing.T) (expressions []string) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			if rule.Alert == "" || rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" {
				t.Errorf("alert %q is incomplete", rule.Alert)
			}
			if _, err := time.ParseDuration(rule.For); err != nil && rule.For != "" {
				t.Errorf("alert %s: %v", rule.Alert, err)
			}
			expressions = append(expressions, rule.Expr)
		}
	}
	return expressions
}

// dashboard returns the expressions of the dashboard.
func dashboard(t *testing.T) (expressions []string) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/grafana/trusthub.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct{ List []struct{ Query string } }
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, panel := range file.Panels {
		if seen[panel.ID] || len(panel.Targets) == 0 {
			t.Errorf("panel %s has no expression, or the id of another", panel.Title)
		}
		seen[panel.ID] = true
		for _, target := range panel.Targets {
			expressions = append(expressions, target.Expr)
		}
	}
	for _, variable := range file.Templating.List {
		if match := regexp.MustCompile(`^label_values\((\w+), \w+\)$`).FindStringSubmatch(variable.Query); match != nil {
			expressions = append(expressions, match[1])
		}
	}
	return expressions
}

var (
	quoted    = regexp.MustCompile(`"[^"]*"`)
	window    = regexp.MustCompile(`\[[^\]]*\]`)
	grouping  = regexp.MustCompile(`\b(?:by|without|on|ignoring) *\(([^)]*)\)`)
	selection = regexp.MustCompile(`([a-zA-Z_:][\w:]*)\{([^}]*)\}`)
	word      = regexp.MustCompile(`[a-zA-Z_:][\w:]*`)
	function  = regexp.MustCompile(`[a-zA-Z_]\w* *\(`)
)

// unknown returns the metrics of an expression that are not in a scrape, and the labels that no metric, or not the one that they
// select, has.
func unknown(expression string, all []sample) (problems []string) {
	added := []string{"instance", "job"} // by Prometheus
	has := func(metric, label string) bool {
		return slices.Contains(added, label) || slices.ContainsFunc(all, func(s sample) bool {
			_, ok := s.labels[label]
			return ok && (metric == "" || s.name == metric)
		})
	}
	rest := window.ReplaceAllString(quoted.ReplaceAllString(expression, ""), "")
	for _, group := range grouping.FindAllStringSubmatch(rest, -1) {
		for _, label := range word.FindAllString(group[1], -1) {
			if !has("", label) {
				problems = append(problems, "unknown label "+label)
			}
		}
	}
	rest = grouping.ReplaceAllString(rest, " ")
	for _, s := range selection.FindAllStringSubmatch(rest, -1) {
		for _, label := range word.FindAllString(s[2], -1) {
			if slices.ContainsFunc(all, func(known sample) bool { return known.name == s[1] }) && !has(s[1], label) {
				problems = append(problems, "unknown label "+label+" of "+s[1])
			}
		}
	}
	rest = function.ReplaceAllString(selection.ReplaceAllString(rest, "$1 "), "(")
	for _, name := range word.FindAllString(rest, -1) {
		known := slices.ContainsFunc(all, func(s sample) bool { return s.name == name })
		if operator := slices.Contains([]string{"by", "and", "or", "unless", "bool", "offset"}, name); !known && !operator {
			problems = append(problems, "unknown metric "+name)
		}
	}
	return problems
}
