package store

import (
	"encoding/json"
	"iter"
	"slices"
	"strings"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// findStep is how many rows are read at once to look into their texts.
const findStep = 500

// eraseTargets are the keys of the rows that an Erasure is about. Other rows belong to these.
type eraseTargets struct {
	bundles, endUsers, documents []string
	notices                      []string // to the address
}

func (t eraseTargets) all() iter.Seq[string] {
	return slices.Values(slices.Concat(t.bundles, t.endUsers, t.documents))
}

func (x *eraser) find() (found eraseTargets, err error) {
	switch {
	case x.of.AccountSID != "":
		return x.findOfAccount()
	case x.of.Email != "":
		if found, err = x.findAddress(); err != nil {
			return found, err
		}
	default:
		found.bundles = []string{x.of.BundleSID}
	}
	return found, x.addOwned(&found)
}

// findOfAccount also finds bundles that are deleted and have left notices or histories.
func (x *eraser) findOfAccount() (found eraseTargets, err error) {
	for _, q := range []struct {
		to    *[]string
		query string
	}{
		{&found.bundles, `SELECT sid FROM bundles WHERE account_sid = $1
			UNION SELECT bundle_sid FROM notices WHERE account_sid = $1
			UNION SELECT bundle_sid FROM events WHERE account_sid = $1`},
		{&found.endUsers, `SELECT sid FROM end_users WHERE account_sid = $1`},
		{&found.documents, `SELECT sid FROM supporting_documents WHERE account_sid = $1`},
	} {
		if *q.to, err = queryAll(x.read(x.ctx), scanString, q.query, x.of.AccountSID); err != nil {
			return found, err
		}
	}
	return found, nil
}

func (x *eraser) findAddress() (found eraseTargets, err error) {
	for _, q := range []struct {
		to      *[]string
		table   layout
		columns []string
	}{
		{&found.bundles, bundles.layout, []string{"friendly_name", "email"}},
		{&found.endUsers, endUsers.layout, []string{"friendly_name", "attributes"}},
		{&found.documents, documents.layout, []string{"friendly_name", "attributes"}},
		{&found.notices, noticeRows.layout, []string{"friendly_name", "target"}},
	} {
		if *q.to, err = x.findIn(q.table, q.columns); err != nil {
			return found, err
		}
	}
	return found, nil
}

// findIn returns the keys of the rows of a table that have the address in one of the columns.
func (x *eraser) findIn(table layout, columns []string) (keys []string, err error) {
	key := table.key()
	query := `SELECT ` + key + `, ` + strings.Join(columns, `, `) + ` FROM ` + table.name + `
		WHERE ` + key + ` > $1 ORDER BY ` + key + ` LIMIT $2`
	values := make([]string, 1+len(columns))
	fields := make([]any, len(values))
	for i := range values {
		fields[i] = &values[i]
	}
	for after := ""; ; {
		read := 0
		err := queryEach(x.read(x.ctx), func(row scanner) (struct{}, error) { return struct{}{}, row.Scan(fields...) },
			func(struct{}) bool {
				read, after = read+1, values[0]
				if slices.ContainsFunc(values[1:], x.concerns) {
					keys = append(keys, after)
				}
				return true
			}, query, after, findStep)
		if err != nil || read < findStep {
			return keys, err
		}
	}
}

// findKeys returns the idempotency keys that concern what is erased.
func (x *eraser) findKeys() (found []requestKey, err error) {
	last := requestKey{}
	for {
		read := 0
		err := queryEach(x.read(x.ctx), func(row scanner) (answer string, err error) {
			return answer, row.Scan(&last.accountSID, &last.key, &answer)
		}, func(answer string) bool {
			read++
			if x.concerns(last.key) || x.concerns(answer) {
				found = append(found, last)
			}
			return true
		}, `SELECT account_sid, idempotency_key, answer FROM idempotency_keys WHERE (account_sid, idempotency_key) > ($1, $2)
			ORDER BY account_sid, idempotency_key LIMIT $3`, last.accountSID, last.key, findStep)
		if err != nil || read < findStep {
			return found, err
		}
	}
}

// concerns reports whether a text, or a text in it if it is JSON, is the SID of an erased row or has the address.
func (x *eraser) concerns(text string) bool {
	var value any
	if !strings.HasPrefix(text, "{") || json.Unmarshal([]byte(text), &value) != nil {
		value = text
	}
	return x.concernsAny(value)
}

func (x *eraser) concernsAny(value any) bool {
	switch v := value.(type) {
	case string:
		return x.erased[v] || (x.of.Email != "" && hasAddress(v, x.of.Email))
	case []any:
		return slices.ContainsFunc(v, x.concernsAny)
	case map[string]any:
		for name, member := range v {
			if x.concernsAny(name) || x.concernsAny(member) {
				return true
			}
		}
	}
	return false
}

// addOwned adds the end users and supporting documents that only the bundles to be erased have.
func (x *eraser) addOwned(found *eraseTargets) error {
	endUsers, documents, erased := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, sid := range found.endUsers {
		endUsers[sid] = true
	}
	for _, sid := range found.documents {
		documents[sid] = true
	}
	for _, sid := range found.bundles {
		erased[sid] = true
	}
	for _, bundle := range found.bundles {
		objects, err := queryAll(x.read(x.ctx), scanString, `SELECT object_sid FROM assignments WHERE bundle_sid = $1`, bundle)
		if err != nil {
			return err
		}
		for _, sid := range objects {
			holders, err := queryAll(x.read(x.ctx), scanString, `SELECT bundle_sid FROM assignments WHERE object_sid = $1`, sid)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(holders, func(holder string) bool { return !erased[holder] }) {
				continue
			}
			switch {
			case strings.HasPrefix(sid, trust.EndUserPrefix):
				endUsers[sid] = true
			case strings.HasPrefix(sid, trust.SupportingDocumentPrefix):
				documents[sid] = true
			}
		}
	}
	found.endUsers, found.documents = sortedKeys(endUsers), sortedKeys(documents)
	return nil
}
