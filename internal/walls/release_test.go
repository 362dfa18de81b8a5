package walls

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// release is what goreleaser.yaml says, as far as it can be wrong.
type release struct {
	Version int `yaml:"version"`
	Builds  []struct {
		Main   string   `yaml:"main"`
		Env    []string `yaml:"env"`
		Flags  []string `yaml:"flags"`
		GOOS   []string `yaml:"goos"`
		GOARCH []string `yaml:"goarch"`
	} `yaml:"builds"`
	Archives []struct {
		Files []string `yaml:"files"`
	} `yaml:"archives"`
	Checksum struct {
		Algorithm string `yaml:"algorithm"`
	} `yaml:"checksum"`
}

func TestReleaseIsTrue(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	raw, err := fs.ReadFile(root, "goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var r release
	if err := yaml.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	if r.Version != 2 || len(r.Builds) != 1 || len(r.Archives) != 1 || r.Checksum.Algorithm != "sha256" {
		t.Fatalf("got version %d, %d builds, %d archives, checksum %q", r.Version, len(r.Builds), len(r.Archives), r.Checksum.Algorithm)
	}
	b := r.Builds[0]
	if source, err := fs.ReadFile(root, path.Join(b.Main, "main.go")); err != nil || !strings.Contains(string(source), "package main") {
		t.Errorf("builds %q, where there is no program: %v", b.Main, err)
	}
	for _, want := range []struct{ name, value string }{{"env", "CGO_ENABLED=0"}, {"flags", "-trimpath"}, {"goos", "linux"}, {"goarch", "amd64"}} {
		lists := map[string][]string{"env": b.Env, "flags": b.Flags, "goos": b.GOOS, "goarch": b.GOARCH}
		if !slices.Contains(lists[want.name], want.value) {
			t.Errorf("%s: got %q, want %s among them", want.name, lists[want.name], want.value)
		}
	}
	for _, pattern := range r.Archives[0].Files {
		found, err := fs.Glob(root, strings.ReplaceAll(pattern, "**/", ""))
		if err != nil || len(found) == 0 {
			t.Errorf("packs %q, which is not there (%v)", pattern, err)
		}
	}
}
