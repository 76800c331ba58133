package apitest

import (
	"context"
	"maps"
	"os"

	"github.com/opentrusthub/trusthub/internal/seed"
)

// seedText is a seed file: its text and what it is called in errors, or its name alone.
type seedText struct {
	name   string
	text   string
	isFile bool
}

// WithSeed starts the server with bundles in any status, end users, supporting documents and what is assigned to what, from the
// YAML text of a seed file. `trusthub seed --example` prints one. Server.SID returns the SIDs by their keys. Seeding sends no
// callbacks and no mails. The option can be repeated.
func WithSeed(yaml string) Option {
	return func(s *settings) { s.seeds = append(s.seeds, seedText{name: "seed", text: yaml}) }
}

// WithSeedFile is WithSeed for a file, which tests in other languages can share: `trusthub serve --test --seed FILE`.
func WithSeedFile(name string) Option {
	return func(s *settings) { s.seeds = append(s.seeds, seedText{name: name, isFile: true}) }
}

// SID returns the SID of a seeded object by its key. It fails the test if no seed has the key.
func (s *Server) SID(key string) string {
	s.tb.Helper()
	sid, ok := s.sids[key]
	if !ok {
		s.tb.Fatalf("apitest: no seed has the key %s", key)
	}
	return sid
}

// parseSeeds reads what WithSeed and WithSeedFile were given.
func (s *Server) parseSeeds(texts []seedText) {
	s.tb.Helper()
	for _, one := range texts {
		text := []byte(one.text)
		if one.isFile {
			var err error
			if text, err = os.ReadFile(one.name); err != nil {
				s.tb.Fatalf("apitest: %v", err)
			}
		}
		file, err := seed.Parse(one.name, text)
		if err != nil {
			s.tb.Fatalf("apitest: %v", err)
		}
		s.seeds = append(s.seeds, file)
	}
}

// seed stores what the seeds describe, and returns the SIDs by the keys.
func (s *Server) seed(ctx context.Context) (map[string]string, error) {
	sids := map[string]string{}
	for _, file := range s.seeds {
		result, err := file.Store(ctx, s.store, seed.Config{AccountSID: s.AccountSID, Policy: s.policy, Now: s.Now()})
		if err != nil {
			return nil, err
		}
		maps.Copy(sids, result.SIDs)
	}
	return sids, nil
}
