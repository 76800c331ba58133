package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/opentrusthub/trusthub/internal/mail"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// reviewFlags set how bundles are reviewed.
type reviewFlags struct {
	validityFlag
	reviewDelayFlag
	Review     string `enum:"auto,manual" default:"auto" env:"TRUSTHUB_REVIEW" help:"Who reviews. auto: the server decides, and the e-mail address can ask for an outcome (+reject-18601@, +hold@, +slow@). manual: people decide with 'trusthub approve' and 'trusthub reject'."`
	Compliance string `enum:"off,refuse,reject" default:"off" env:"TRUSTHUB_COMPLIANCE" help:"What happens to a submission that does not comply with its policy. off: nothing, it is not evaluated. refuse: it gets 400 and the URL of its evaluation. reject: an automatic review rejects it."`
}

func (f reviewFlags) policy() trust.Policy {
	return trust.Policy{
		AutoReview: f.Review == "auto", ReviewDelay: time.Duration(f.ReviewDelay), ValidFor: time.Duration(f.ValidFor),
		Compliance: trust.Enforcement(f.Compliance),
	}
}

// validityFlag is shared by the commands that can approve by themselves.
type validityFlag struct {
	ValidFor span `default:"8760h" env:"TRUSTHUB_VALID_FOR" help:"How long an approval is valid (8760h is 365 days)."`
}

// reviewDelayFlag is shared by the commands that schedule reviews.
type reviewDelayFlag struct {
	ReviewDelay span `default:"2s" env:"TRUSTHUB_REVIEW_DELAY" help:"How long an automatic review takes."`
}

// deliveryFlags set how customers are notified.
type deliveryFlags struct {
	loopbackFlag
	mailFromFlag
	CallbackRetries string      `enum:"standard,twilio" default:"standard" env:"TRUSTHUB_CALLBACK_RETRIES" help:"How callbacks are retried. standard: 10 attempts over 75 hours, as for e-mail. twilio: one retry, only if no connection was made."`
	CallbackAllow   []addresses `env:"TRUSTHUB_CALLBACK_ALLOW" placeholder:"CIDR" help:"Address ranges that callbacks may go to besides the public internet, for example 10.0.0.0/8. See --callback-deny-loopback for loopback."`
	SMTP            string      `name:"smtp" env:"TRUSTHUB_SMTP" placeholder:"URL" help:"Mail server: smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465. Without it no mail is sent."`
	MaxMailsPerHour limit       `default:"10000" env:"TRUSTHUB_MAX_MAILS_PER_HOUR" help:"Maximum number of e-mails that each server sends for an account in an hour, failed attempts included; others wait. 0 means no limit."`
	Lease           lease       `default:"30s" env:"TRUSTHUB_LEASE" help:"How long a server reserves a delivery. If it dies, another server takes over after that time. An attempt is canceled after five sixths of it."`
	Keep            span        `default:"720h" env:"TRUSTHUB_KEEP" help:"How long deliveries are kept after they have ended, and histories of bundles after their deletion (720h is 30 days)."`
	NoDeliveries    bool        `env:"TRUSTHUB_NO_DELIVERIES" help:"Call and mail nobody, for a restored backup. Nothing happens by itself: no review step, no end of an approval, no removal of what is old. A server without this flag does all of it later."`
}

// lease is a flag for a duration of at least a second.
type lease time.Duration

// UnmarshalText reads "30s".
func (l *lease) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d < time.Second {
		return errors.New("must be a duration such as 30s, of 1s or more")
	}
	*l = lease(d)
	return nil
}

// mailSender returns the function that sends e-mail, or nil if mail is off.
func (f deliveryFlags) mailSender(log *slog.Logger) (func(context.Context, trust.Notice) trust.Attempt, error) {
	if _, err := mail.NewComposer(f.MailFrom); err != nil {
		return nil, fmt.Errorf("--mail-from: %w", err)
	}
	if f.SMTP == "" {
		log.Info("mail is off: messages are recorded but not sent; --smtp turns it on")
		return nil, nil
	}
	mails, err := mail.NewSender(mail.Config{Server: f.SMTP, From: f.MailFrom, Now: time.Now})
	if err != nil {
		return nil, fmt.Errorf("--smtp: %w", err)
	}
	return mails.Send, nil
}
