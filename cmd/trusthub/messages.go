package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	operatorapi "github.com/opentrusthub/trusthub/gen/operator"
	"github.com/opentrusthub/trusthub/internal/mail"
)

// mailFromFlag is shared by the command that sends e-mail and the one that shows it.
type mailFromFlag struct {
	MailFrom string `env:"TRUSTHUB_MAIL_FROM" default:"trusthub@localhost" placeholder:"ADDRESS" help:"Sender of e-mail. On a database, 'trusthub messages' needs the same as its servers."`
}

type messagesCmd struct {
	systemFlags
	mailFromFlag
	ID     string `arg:"" optional:"" name:"id" help:"ID of a message to print with its text, instead of a list."`
	Raw    bool   `help:"Print the message with this ID as it is sent, with its headers."`
	Bundle string `placeholder:"SID" help:"List only those about this Trust Product or Customer Profile."`
	To     string `placeholder:"ADDRESS" help:"List only those to this address."`
	Limit  count  `default:"100" help:"Maximum number to list."`
}

// Run lists e-mails, newest first, or prints one.
func (c *messagesCmd) Run(ctx context.Context, s streams) error {
	switch {
	case c.ID == "" && c.Raw:
		return errors.New("--raw needs the ID of a message; 'trusthub messages' lists them")
	case c.ID != "" && (c.Bundle != "" || c.To != ""):
		return errors.New("give either the ID of a message, or --bundle and --to")
	}
	c.mailFrom = c.MailFrom
	return c.onExisting(ctx, s, func(api system) error {
		if api.store != nil && c.MailFrom == mail.DefaultFrom { // the database does not know the sender of its servers
			fmt.Fprintln(s.err, "from", c.MailFrom, "unless the servers have another --mail-from: set TRUSTHUB_MAIL_FROM as for them")
		}
		if c.ID != "" {
			return c.printMessage(ctx, s, api)
		}
		messages, err := collect(int(c.Limit), func(size *int64, token *string) ([]operatorapi.MessageSummary, operatorapi.PageMeta, error) {
			params := operatorapi.ListMessageParams{
				BundleSID: optional(c.Bundle), To: optional(c.To), PageSize: size, PageToken: token,
			}
			page, err := responseOf[operatorapi.MessagePage](api.ListMessage(ctx, &params)) //nolint:bodyclose // responseOf does
			return page.Messages, page.Meta, err
		})
		if err != nil {
			return err
		}
		return printResult(s.out, messages, messageTable)
	})
}

func (c *messagesCmd) printMessage(ctx context.Context, s streams, api system) error {
	m, err := responseOf[operatorapi.Message](api.FetchMessage(ctx, c.ID)) //nolint:bodyclose // responseOf does
	switch {
	case err != nil:
		return fmt.Errorf("message %s: %w", c.ID, err)
	case !c.Raw:
		return printResult(s.out, m, printText)
	case m.Raw == nil:
		return fmt.Errorf("message %s has no form in which it is sent: its recipient is not an address", c.ID)
	case s.out.terminal() != nil:
		_, err = io.WriteString(s.out, strings.ReplaceAll(*m.Raw, "\r\n", "\n"))
	default:
		_, err = io.WriteString(s.out.to, *m.Raw) // byte for byte
	}
	return err
}

func messageTable(w *tabwriter.Writer, messages []operatorapi.MessageSummary) {
	for _, m := range messages {
		fmt.Fprintf(w, "%s\t%s\t%s\t%q\t%s\n", m.ID, m.DateCreated.Format(time.DateTime), m.State, m.To, m.Subject)
	}
}

// printText prints a message to read.
func printText(w *tabwriter.Writer, m operatorapi.Message) {
	fmt.Fprintf(w, "From: %s\nTo: %s\nSubject: %s\nDate: %s\nState: %s", m.From, m.To, m.Subject, m.DateCreated.Format(time.DateTime), m.State)
	if m.Reason != nil {
		fmt.Fprintf(w, " (%s)", *m.Reason)
	}
	fmt.Fprintf(w, "\n\n%s", m.Text)
}
