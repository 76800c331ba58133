package control

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/opentrusthub/trusthub/gen/validation"
)

// maxRules bounds the rules that are left at a time.
const maxRules = 1000

// Match says which requests a fault is for. The zero Match is for all requests to the API.
type Match struct {
	Operation string // an operationId of the contract, such as CreateTrustProduct, instead of Method and Path
	Method    string // empty means any
	Path      string // such as /v1/TrustProducts/{Sid}, where {…} stands for any one segment; empty means any
}

// resolve returns an equal Match without Operation. It returns an error for one that matches no operation of the contract.
func (m Match) resolve() (Match, error) {
	if m == (Match{}) {
		return m, nil
	}
	if m.Operation != "" && (m.Method != "" || m.Path != "") {
		return Match{}, errors.New("operation cannot be used with method or path")
	}
	contract, err := validation.GetSpec()
	if err != nil {
		return Match{}, fmt.Errorf("read the contract: %w", err)
	}
	for path, item := range contract.Paths.Map() {
		for method, operation := range item.Operations() {
			switch {
			case m.Operation == "" && (m.Method == "" || m.Method == method) && (m.Path == "" || overlap(m.Path, path)):
				return m, nil
			case m.Operation != "" && m.Operation == operation.OperationID:
				return Match{Method: method, Path: path}, nil
			}
		}
	}
	if m.Operation != "" {
		return Match{}, errors.New("unknown operation")
	}
	return Match{}, errors.New("no operation has this method and path")
}

// Operations returns the operationIds of the contract, which Match.Operation can have, in alphabetical order.
func Operations() ([]string, error) {
	contract, err := validation.GetSpec()
	if err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	var all []string
	for _, item := range contract.Paths.Map() {
		for _, operation := range item.Operations() {
			all = append(all, operation.OperationID)
		}
	}
	slices.Sort(all)
	return all, nil
}

func (m Match) matches(r *http.Request) bool {
	return (m.Method == "" || m.Method == r.Method) && (m.Path == "" || matchesPath(m.Path, r.URL.Path))
}

func matchesPath(pattern, path string) bool {
	return slices.EqualFunc(strings.Split(pattern, "/"), strings.Split(path, "/"), func(want, got string) bool {
		if isPlaceholder(want) {
			return got != ""
		}
		return want == got
	})
}

// overlap reports whether a path can match both patterns.
func overlap(a, b string) bool {
	return slices.EqualFunc(strings.Split(a, "/"), strings.Split(b, "/"), func(a, b string) bool {
		return a == b || isPlaceholder(a) || isPlaceholder(b)
	})
}

func isPlaceholder(segment string) bool {
	return strings.HasPrefix(segment, "{") && strings.HasSuffix(segment, "}")
}

// Handle handles a request instead of the API, or wraps it: next is the API.
type Handle func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Faults is the queue of faults for future requests. The zero value is an empty queue. Its methods are safe for concurrent use.
type Faults struct {
	mu    sync.Mutex
	last  int     // Number of the last Inject
	rules []*rule // in the order of Inject
}

// Injected is a fault for the next requests that match.
type Injected struct {
	Number int // of the call of Inject, from 1 on
	Left   int // how many requests it is for
	Match  Match
	Fault  Fault // zero if the fault is a function
}

type rule struct {
	Injected
	handle Handle
}

// Inject applies the fault to the next n requests that match and for which no earlier Inject is left. It returns an error that
// names what is wrong with the arguments.
func (f *Faults) Inject(n int, match Match, fault Fault) error {
	if err := fault.validate(); err != nil {
		return err
	}
	return f.add(Injected{Left: n, Match: match, Fault: fault}, fault.Handle)
}

// InjectFunc is Inject for a fault that is a function.
func (f *Faults) InjectFunc(n int, match Match, handle Handle) error {
	return f.add(Injected{Left: n, Match: match}, handle)
}

func (f *Faults) add(one Injected, handle Handle) error {
	match, err := one.Match.resolve()
	switch {
	case err != nil:
		return err
	case one.Left < 1:
		return errors.New("the number of requests must be at least 1")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.rules) >= maxRules {
		return fmt.Errorf("at most %d faults can be left at a time", maxRules)
	}
	f.last++
	one.Number, one.Match = f.last, match
	f.rules = append(f.rules, &rule{one, handle})
	return nil
}

// After returns up to n faults that are left and whose Number is higher than after, in the order of Inject. Their Match has no
// Operation, but its method and path.
func (f *Faults) After(after, n int) []Injected {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []Injected
	for _, r := range f.rules {
		if r.Number > after && len(found) < n {
			found = append(found, r.Injected)
		}
	}
	return found
}

// Left returns for how many requests there are faults.
func (f *Faults) Left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	sum := 0
	for _, r := range f.rules {
		sum += r.Left
	}
	return sum
}

// Clear removes the faults that are left.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = nil
}

// take returns the fault of a request, nil if it has none.
func (f *Faults) take(r *http.Request) Handle {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.rules, func(one *rule) bool { return one.Match.matches(r) })
	if i < 0 {
		return nil
	}
	found := f.rules[i]
	if found.Left--; found.Left == 0 {
		f.rules = slices.Delete(f.rules, i, i+1)
	}
	return found.handle
}

// handler applies the faults to the requests to the API, which is next.
func (f *Faults) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isOperation(r) {
			if handle := f.take(r); handle != nil {
				handle(w, r, next)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
