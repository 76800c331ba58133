package console

import (
	"cmp"
	"fmt"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// tone says what a status means to a person. It has a shape and a colour, but the word of the status is always beside them.
type tone string

const (
	toneQuiet   tone = "quiet"   // nothing will happen by itself
	toneWaiting tone = "waiting" // something will
	toneActive  tone = "active"  // somebody is at work
	toneGood    tone = "good"
	toneBad     tone = "bad"
)

// status is what the component "status" shows.
type status struct {
	Tone tone
	Word string // the value that the API has
}

// statusOf returns a status of any kind as pages show it. A value without a tone here is shown as its word.
func statusOf(value any) status {
	word := fmt.Sprint(value)
	tones := map[string]tone{
		string(trust.Draft):          toneQuiet,
		string(trust.PendingReview):  toneWaiting,
		string(trust.InReview):       toneActive,
		string(trust.TwilioApproved): toneGood,
		string(trust.TwilioRejected): toneBad,

		string(store.Waiting):   toneWaiting,
		string(store.Ready):     toneWaiting,
		string(store.Sending):   toneActive,
		string(store.Delivered): toneGood,
		string(store.Dead):      toneBad,
		string(store.Dropped):   toneQuiet,
		string(store.NotSent):   toneQuiet,

		string(trust.TryAgain): toneWaiting, // delivered and not-sent are above
		string(trust.Refused):  toneBad,

		string(trust.Compliant):    toneGood,
		string(trust.Noncompliant): toneBad,

		string(requirementMet):        toneGood,
		string(requirementMissing):    toneBad,
		string(requirementIncomplete): toneBad,
		string(requirementOptional):   toneQuiet,
	}
	return status{cmp.Or(tones[word], toneQuiet), word}
}
