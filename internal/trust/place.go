package trust

import "time"

// Place returns b as if it had reached the status in another way than by changes, and so without notices. codes are those of a
// rejection. validUntil is the end of an approval, also of one that has since expired; zero means as long as the policy says for
// an approved bundle. What comes next is due as usual: the review of a submitted bundle, the end of an approval.
func (policy Policy) Place(b Bundle, status Status, codes []int, validUntil, now time.Time) Bundle {
	b.Status = status
	policy.applyStatus(&b, codes, now)
	switch {
	case status == TwilioApproved && !validUntil.IsZero():
		b.ValidUntil, b.Due = validUntil, validUntil
	case status == TwilioRejected:
		b.ValidUntil = validUntil
	}
	return b
}
