package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alecthomas/kong"
)

// usageStatus is the exit status for an invalid command line, the same as kong's.
const usageStatus = 80

// parse reads the command line and the environment. Its errors name what is wrong but never a value, which may be a password.
func parse(args []string, options ...kong.Option) (*kong.Context, error) {
	return parseWith(newParser(options...), args)
}

func newParser(options ...kong.Option) *kong.Kong {
	parser, err := kong.New(&commands{}, append(options,
		kong.Name("trusthub"),
		kong.Description("A Trust Hub of your own: a server and a client for Twilio's Trust Hub API."),
	)...)
	if err != nil {
		panic(err) // a mistake in the tags of commands, which no input can cause
	}
	return parser
}

func parseWith(parser *kong.Kong, args []string) (*kong.Context, error) {
	for i, arg := range args {
		if !utf8.ValidString(arg) { // kong would replace the invalid bytes
			return nil, fmt.Errorf("argument %d is not valid UTF-8", i+1)
		}
	}
	command, err := parser.Parse(args)
	if err != nil {
		return nil, errors.New(withoutValues(err.Error(), ownWords(parser.Model)))
	}
	for _, flag := range command.Flags() {
		for _, name := range flag.Tag.Envs {
			if value, ok := os.LookupEnv(name); ok && !utf8.ValidString(value) {
				return nil, fmt.Errorf("%s is not valid UTF-8", name)
			}
		}
	}
	return command, nil
}

var (
	// refusedWord matches kong's message about an unknown word, and suggested the part of it that suggests a similar command or
	// flag.
	refusedWord = regexp.MustCompile(`(?s)^(unexpected argument|unknown flag|unexpected flag argument|unexpected token) (.*)$`)
	suggested   = regexp.MustCompile(`^-{0,2}[a-z]+(-[a-z]+)*, did you mean .*\?$`)

	missingValue = regexp.MustCompile(`(?s)expected \w+ value but got .*$`)
	wrongValue   = regexp.MustCompile(`(?s) but got .*$`)
	fromVariable = regexp.MustCompile(`(?s) \(from envar (\w+)=.*$`)
)

// ownWords returns the names of all commands and flags.
func ownWords(program *kong.Application) []string {
	var words []string
	for _, command := range program.Leaves(false) {
		words = append(words, strings.Fields(command.Path())...)
		for _, flag := range command.Flags {
			words = append(words, "--"+flag.Name)
		}
	}
	return words
}

// withoutValues returns kong's message without what it repeats of the command line and the environment. It keeps a refused word
// that is the name of a command or flag, in the wrong place, or likely a mistyped one.
func withoutValues(message string, own []string) string {
	if refused := refusedWord.FindStringSubmatch(message); refused != nil {
		if slices.Contains(own, refused[2]) || suggested.MatchString(refused[2]) {
			return message
		}
		return refused[1]
	}
	message = missingValue.ReplaceAllString(message, "missing value")
	message = wrongValue.ReplaceAllString(message, "")
	return fromVariable.ReplaceAllString(message, " ($1)")
}

// span is a flag for a duration that is not negative.
type span time.Duration

// UnmarshalText reads "2s", "1h30m".
func (s *span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 {
		return errors.New("must be a duration such as 2s or 1h30m, not negative")
	}
	*s = span(d)
	return nil
}

// count is a flag for a number of at least 1.
type count int

// UnmarshalText reads "16".
func (c *count) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 {
		return errors.New("must be a whole number of at least 1")
	}
	*c = count(n)
	return nil
}

// limit is a flag for a maximum; 0 means none.
type limit int

// UnmarshalText reads "1000".
func (l *limit) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 0 {
		return errors.New("must be a whole number, or 0 for no limit")
	}
	*l = limit(n)
	return nil
}

// addresses is a flag for a range of IP addresses.
type addresses struct{ netip.Prefix }

// UnmarshalText reads "10.0.0.0/8". It turns a range of IPv4-mapped addresses into one of IPv4 addresses.
func (a *addresses) UnmarshalText(text []byte) error {
	prefix, err := netip.ParsePrefix(string(text))
	if err != nil {
		return errors.New("must be an address range such as 10.0.0.0/8")
	}
	const mapped = 96 // bits of ::ffff:0:0/96
	if prefix.Addr().Is4In6() && prefix.Bits() >= mapped {
		prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-mapped)
	}
	a.Prefix = prefix
	return nil
}

func prefixes(ranges []addresses) []netip.Prefix {
	all := make([]netip.Prefix, len(ranges))
	for i, one := range ranges {
		all[i] = one.Prefix
	}
	return all
}
