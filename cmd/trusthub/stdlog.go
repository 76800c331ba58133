package main

import (
	"log"
	"log/slog"
	"strings"
)

// takeOverStandardLog sends the output of package log to a structured logger. net/http's client has no other logger: it uses
// package log to report a receiver of callbacks that sends more than a response.
func takeOverStandardLog(to *slog.Logger) {
	log.SetFlags(0)
	log.SetOutput(standardLog{to})
}

// standardLog logs the text that is written to it, up to the first quotation: what is quoted may be data that someone sent.
type standardLog struct{ to *slog.Logger }

func (l standardLog) Write(line []byte) (int, error) {
	text, _, quotes := strings.Cut(strings.TrimSpace(string(line)), `"`)
	if quotes {
		text += "…"
	}
	l.to.Warn(text)
	return len(line), nil
}
