package jobs

const (
	maxSending  = 512  // notices on their way at a time, in this process
	perEndpoint = 64   // of those, to one endpoint
	perSilent   = 4    // to one that did not answer the last time
	maxSilent   = 4096 // endpoints that are known not to answer; of more, some are forgotten
)

// slots are the places for notices on their way in this process. They are shared out by endpoint, so that one which does not
// answer holds up no other.
type slots struct {
	taken      int
	byEndpoint map[string]int
	silent     map[string]bool // endpoints that did not answer the last time
}

func newSlots() *slots {
	return &slots{byEndpoint: map[string]int{}, silent: map[string]bool{}}
}

// room returns what says how many more notices of an endpoint may be sent now. That is asked once for each endpoint, and
// counts what it grants.
func (s *slots) room() func(endpoint string) int {
	free := maxSending - s.taken
	return func(endpoint string) int {
		limit := perEndpoint
		if s.silent[endpoint] {
			limit = perSilent
		}
		granted := max(0, min(limit-s.byEndpoint[endpoint], free))
		free -= granted
		return granted
	}
}

func (s *slots) take(endpoint string) {
	s.taken++
	s.byEndpoint[endpoint]++
}

func (s *slots) free(endpoint string) {
	s.taken--
	if s.byEndpoint[endpoint]--; s.byEndpoint[endpoint] == 0 {
		delete(s.byEndpoint, endpoint)
	}
}

// note remembers whether an endpoint has answered.
func (s *slots) note(endpoint string, answered bool) {
	delete(s.silent, endpoint)
	if answered {
		return
	}
	for other := range s.silent {
		if len(s.silent) < maxSilent {
			break
		}
		delete(s.silent, other)
	}
	s.silent[endpoint] = true
}
