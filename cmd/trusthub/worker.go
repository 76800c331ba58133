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

// reviewFlags say how products are reviewed.
type reviewFlags struct {
	validityFlag
	Review      string `enum:"auto,manual" default:"auto" env:"TRUSTHUB_REVIEW" help:"auto decides by itself, as the e-mail address asks (+reject-18601@, +hold@, +slow@); manual leaves it to 'trusthub approve' and 'trusthub reject'."`
	ReviewDelay span   `default:"2s" env:"TRUSTHUB_REVIEW_DELAY" help:"How long an automatic review takes."`
}

func (f reviewFlags) policy() trust.Policy {
	return trust.Policy{AutoReview: f.Review == "auto", ReviewDelay: time.Duration(f.ReviewDelay), ValidFor: time.Duration(f.ValidFor)}
}

// deliveryFlags say how customers are told.
type deliveryFlags struct {
	loopbackFlag
	CallbackRetries string      `enum:"standard,twilio" default:"standard" env:"TRUSTHUB_CALLBACK_RETRIES" help:"Of callbacks. standard: 10 attempts over 75 hours, as e-mail always has; twilio: one more attempt, only if no connection was made."`
	CallbackAllow   []addresses `env:"TRUSTHUB_CALLBACK_ALLOW" placeholder:"CIDR" help:"Address ranges that callbacks may go to besides the public internet, for example 10.0.0.0/8. Loopback is open where only this machine reaches the server."`
	SMTP            string      `name:"smtp" env:"TRUSTHUB_SMTP" placeholder:"URL" help:"Mail server: smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465. Without it no mail is sent."`
	MailFrom        string      `env:"TRUSTHUB_MAIL_FROM" default:"trusthub@localhost" placeholder:"ADDRESS" help:"Sender of the mails."`
	MaxMailsPerHour limit       `default:"10000" env:"TRUSTHUB_MAX_MAILS_PER_HOUR" help:"E-mails that each server sends for an account in an hour, failed attempts included; more wait. 0: no limit."`
	Lease           lease       `default:"30s" env:"TRUSTHUB_LEASE" help:"How long a server has a delivery to itself: if it dies meanwhile, others take over after that. An attempt is cut off after five sixths of it."`
	Keep            span        `default:"720h" env:"TRUSTHUB_KEEP" help:"How long deliveries are kept after they ended; 720h are 30 days."`
}

// lease is how long a server has a delivery to itself.
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

// mailSender returns what sends e-mail, nil if mail is off.
func (f deliveryFlags) mailSender(log *slog.Logger) (func(context.Context, trust.Notice) trust.Attempt, error) {
	if f.SMTP == "" {
		log.Info("mail is off: messages are recorded and not sent; --smtp turns it on")
		return nil, nil
	}
	mails, err := mail.NewSender(mail.Config{Server: f.SMTP, From: f.MailFrom, Now: time.Now})
	if err != nil {
		return nil, fmt.Errorf("--smtp, --mail-from: %w", err)
	}
	return mails.Send, nil
}
