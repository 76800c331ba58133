package main

import (
	"log"
	"log/slog"
	"strings"
)

// takeOverStandardLog has what packages write with package log, which is text, logged like all else. net/http's client has no
// other logger: it tells there of a receiver of callbacks that sends more than its answer.
func takeOverStandardLog(to *slog.Logger) {
	log.SetFlags(0)
	log.SetOutput(standardLog{to})
}

// standardLog logs the text that is written to it. What is quoted in it is left out: it is what somebody has sent.
type standardLog struct{ to *slog.Logger }

func (l standardLog) Write(line []byte) (int, error) {
	text, _, quotes := strings.Cut(strings.TrimSpace(string(line)), `"`)
	if quotes {
		text += "…"
	}
	l.to.Warn(text)
	return len(line), nil
}
