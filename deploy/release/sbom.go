package main

import (
	"bytes"
	"runtime/debug"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

// sbom returns the CycloneDX list of the modules that are linked into a program, and of the standard library. It is what the
// linker has recorded, not what go.mod requires.
func sbom(p program) ([]byte, error) {
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{
		Timestamp: p.time.UTC().Format(time.RFC3339),
		Component: component(cyclonedx.ComponentTypeApplication, p.info.Main.Path, p.version),
	}
	bom.Metadata.Component.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: sum(p.content)}}
	goVersion, _, _ := strings.Cut(strings.TrimPrefix(p.info.GoVersion, "go"), " ") // experiments may follow
	components := []cyclonedx.Component{*component(cyclonedx.ComponentTypeLibrary, "stdlib", goVersion)}
	for _, dependency := range p.info.Deps {
		linked := replaced(dependency)
		components = append(components, *component(cyclonedx.ComponentTypeLibrary, linked.Path, linked.Version))
	}
	bom.Components = &components
	var out bytes.Buffer
	err := cyclonedx.NewBOMEncoder(&out, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
	return out.Bytes(), err
}

func replaced(m *debug.Module) *debug.Module {
	if m.Replace != nil {
		return m.Replace
	}
	return m
}

func component(kind cyclonedx.ComponentType, module, version string) *cyclonedx.Component {
	url := "pkg:golang/" + module + "@" + strings.ReplaceAll(version, "+", "%2B") // the form of package URLs
	return &cyclonedx.Component{BOMRef: url, Type: kind, Name: module, Version: version, PackageURL: url}
}
