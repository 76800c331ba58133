package trust

import "time"

// Enforcement is what a submission does about a bundle that does not comply with its own policy.
type Enforcement string

// The three ways. The zero Enforcement is EnforceOff.
const (
	EnforceOff    Enforcement = "off"    // submit it; it is not even evaluated
	EnforceRefuse Enforcement = "refuse" // refuse the submission
	EnforceReject Enforcement = "reject" // submit it, and have the automatic review reject it
)

// NoncompliantError says that a bundle cannot be submitted because it does not comply with its policy.
type NoncompliantError struct{ Evaluation Evaluation }

// Error names the evaluation.
func (e *NoncompliantError) Error() string {
	return "the bundle does not comply with its policy: evaluation " + e.Evaluation.SID
}

// Update is Apply for the account holder. If policy.Compliance wants a submission evaluated, the outcome has a Judge, which
// calls evaluate, which compares what is assigned with the bundle's own policy.
func (policy Policy) Update(b Bundle, c Change, now time.Time, evaluate func(Assigned) Evaluation) (Outcome, error) {
	outcome, err := policy.Apply(b, c, AccountHolder, now)
	submitted := outcome.Bundle.Status == PendingReview && b.Status != PendingReview
	if err != nil || !submitted || !policy.evaluatesSubmissions() {
		return outcome, err
	}
	accepted := outcome
	outcome.Judge = func(assigned Assigned) Outcome {
		e := evaluate(assigned)
		judged := policy.judge(b, accepted, e)
		evaluated := Event{Origin: Origin{AccountHolder, c.RequestID, now}, Type: EventEvaluated, ObjectSID: e.SID}
		judged.Events = append([]Event{evaluated}, judged.Events...)
		return judged
	}
	return outcome, nil
}

// evaluatesSubmissions reports whether an evaluation would have a consequence: people reject for reasons of their own.
func (policy Policy) evaluatesSubmissions() bool {
	return policy.Compliance == EnforceRefuse || policy.Compliance == EnforceReject && policy.AutoReview
}

// judge returns the outcome of the submission of b, given that of a compliant one and the evaluation.
func (policy Policy) judge(b Bundle, accepted Outcome, e Evaluation) Outcome {
	switch {
	case e.Status == Compliant:
	case policy.Compliance == EnforceRefuse:
		return Outcome{Bundle: b, Evaluation: &e, Refused: &NoncompliantError{e}}
	default:
		accepted.Bundle.Noncompliance = e.FirstCode()
	}
	accepted.Evaluation = &e
	return accepted
}

// rejectionCodes returns the codes with which the automatic review is to reject b, nil if it is to approve it: what the
// evaluation of its submission found, and what its e-mail address asks for.
func rejectionCodes(b Bundle) []int {
	var codes []int
	if b.Noncompliance != 0 {
		codes = append(codes, b.Noncompliance)
	}
	return append(codes, readTestValues(b.Email).reject...)
}
