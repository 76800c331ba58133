package catalog

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

func TestLoad(t *testing.T) {
	if _, err := load(os.DirFS("data")); err != nil {
		t.Error(err)
	}
}

// A check that nothing can break proves nothing.
func TestLoadRefuses(t *testing.T) {
	const cnam, address = "end_user_types/cnam_information.json", "supporting_document_types/customer_profile_address.json"
	const secondary, cnamPolicy = "bundle_types/secondary_customer_profile_type_business.json", "policies/cnam.json"
	for _, c := range []struct{ file, from, to, want string }{
		{cnam, `"marks"`, `"remarks"`, "unknown field"},
		{cnam, `{`, `[`, cnam},
		{cnam, `"cnam_information"`, `""`, "empty or not unique"},
		{cnam, `"cnam_information"`, `"sole_proprietor_information"`, "not unique"},
		{cnam, `"friendly_name": "CNAM Information"`, `"friendly_name": ""`, "type cnam_information: a part is missing"},
		{cnam, `"String"`, `"Text"`, "constraint is unknown"},
		{cnam, `., ]*`, `., *`, "missing closing ]"},
		{cnam, `"words"`, `"enum": [], "pattern": "", "words"`, "a pattern needs words"},
		{cnam, `"cnam_display_name"`, `"display_name"`, "type cnam_information has no field cnam_display_name"},
		{address, `"fields": [`, `"fields": [{"machine_name": "address_sids", "friendly_name": "A", "constraint": "List"},`, "there twice"},
		{secondary, `"RNdf`, `"RN00`, "is unknown or has another type"},
		{secondary, `"RNdfbf3fae0e1107f8aded0e7cead80bf5"`, `"RN806dd6cd175f314e1f96a9727ee271f4"`, "is unknown or has another type"},
		{secondary, `"bundle_status"`, `""`, "bundle type secondary_customer_profile_type_business: a part is missing"},
		{secondary, `"kind": "customer-profile"`, `"kind": "trust-product"`, "of another kind"},
		{secondary, `"kind": "customer-profile"`, `"kind": "other"`, "a part is missing"},
		{cnamPolicy, `"RNf3db`, `"RNF3DB`, "SID is malformed"},
		{cnamPolicy, `"RNf3db3cd1fe25fcfd3c3ded065c8fea53"`, `"RN7a97559effdf62d00f4298208492a5ea"`, "not unique"},
		{cnamPolicy, `"url": "/EndUserTypes/cnam_information"`, `"url": "/EndUserTypes/cnam"`, "its url is wrong"},
		{cnamPolicy, `"type": "cnam_information"`, `"type": "cnam"`, "type cnam is unknown"},
		{cnamPolicy, `"type": "primary_customer_profile_type_business"`, `"type": "primary"`, "bundle type primary is unknown"},
		{cnamPolicy, `"requirement_name": "cnam_information"`, `"requirement_name": "customer_profile"`, "of different kinds"},
		{cnamPolicy, `"requirement_name": "cnam_information"`, `"requirement_name": ""`, "a name is missing"},
		{cnamPolicy, `"optional": {"requirements": []`, `"optional": {"requirements": ["x"]`, "optional requirement x is unknown"},
		{cnamPolicy, `"fields": {}`, `"fields": {"cnam_information": ["x"]}`, "optional field x"},
	} {
		data := copyOf(t, os.DirFS("data"))
		before := string(data[c.file].Data)
		after := strings.Replace(before, c.from, c.to, 1)
		if before == after {
			t.Errorf("%s does not contain %s", c.file, c.from)
		}
		data[c.file].Data = []byte(after)
		if _, err := load(data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %s: %v, want %q", c.file, c.to, err, c.want)
		}
	}
}

func copyOf(t *testing.T, from fs.FS) fstest.MapFS {
	t.Helper()
	all := fstest.MapFS{}
	err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(from, name)
		all[name] = &fstest.MapFile{Data: content}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Every file says which of its parts are known and which are guesses.
func TestMarks(t *testing.T) {
	c := Default()
	marks := map[string]map[string]string{}
	for sid, p := range c.policies {
		marks[sid] = p.Marks
	}
	for name, o := range c.endUserTypes {
		marks[name] = o.Marks
	}
	for name, o := range c.documentTypes {
		marks[name] = o.Marks
	}
	for name, b := range c.bundleTypes {
		marks[name] = b.Marks
	}
	for name, all := range marks {
		for part, mark := range all {
			known := false
			for _, basis := range []string{"published", "documented", "observed", "inferred"} {
				known = known || strings.HasPrefix(mark, basis)
			}
			if !known {
				t.Errorf("%s: %s: %q says nothing of its basis", name, part, mark)
			}
		}
	}
}
