package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// lab holds the tests, compiled with all mutants that can stand side by side.
type lab struct {
	options
	dir      string                   // for files of its own
	patience map[string]time.Duration // of each package's tests
}

// newLab compiles the tests that the chosen need, with all mutants, and runs
// them once without one: they must pass, and their time is the measure of the
// others.
func newLab(ctx context.Context, o options, dir string, all, chosen []mutant) (*lab, error) {
	l := &lab{options: o, dir: dir, patience: map[string]time.Duration{}}
	overlay, err := l.weaveAll(all)
	if err != nil {
		return nil, err
	}
	args := []string{"test", "-c", "-overlay", overlay, "-vet=off", "-o", dir + string(filepath.Separator)}
	needed := packages(chosen)
	for _, p := range needed {
		args = append(args, "./"+p)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = o.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compile the mutants: %w\n%s", err, out)
	}
	for _, p := range needed {
		start := time.Now()
		if out, err := l.binary(ctx, p, 0, time.Hour).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("the tests of %s fail without a mutant: %w\n%s", p, err, out)
		}
		l.patience[p] = 10*time.Second + 10*time.Since(start)
	}
	return l, nil
}

// packages lists those whose tests should notice one of the mutants.
func packages(mutants []mutant) (names []string) {
	for _, m := range mutants {
		for _, tests := range testsOf(m) {
			if !slices.Contains(names, tests) {
				names = append(names, tests)
			}
		}
	}
	return names
}

// weaveAll writes every file of the targets with its mutants in it, and what
// tells the compiler of them.
func (l *lab) weaveAll(all []mutant) (string, error) {
	replace := map[string]string{}
	write := func(path, text string) error {
		full, err := filepath.Abs(filepath.Join(l.root, path))
		if err != nil {
			return err
		}
		if replace[full] == "" {
			replace[full] = filepath.Join(l.dir, fmt.Sprintf("%d.go", len(replace)))
		}
		return os.WriteFile(replace[full], []byte(text), 0o600)
	}
	for _, of := range byFile(all) {
		path := of[0].path
		source, err := os.ReadFile(filepath.Join(l.root, path))
		if err != nil {
			return "", err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.PackageClauseOnly)
		if err != nil {
			return "", err
		}
		err = errors.Join(write(path, weave(string(source), of)),
			write(filepath.Join(filepath.Dir(path), "mutant_now.go"), fmt.Sprintf(selector, file.Name.Name)))
		if err != nil {
			return "", err
		}
	}
	return l.overlay("woven", replace)
}

// byFile splits mutants, which are in the order of their files.
func byFile(all []mutant) (files [][]mutant) {
	for i, m := range all {
		if i == 0 || m.path != all[i-1].path {
			files = append(files, nil)
		}
		files[len(files)-1] = append(files[len(files)-1], m)
	}
	return files
}

func (l *lab) overlay(name string, replace map[string]string) (string, error) {
	list := filepath.Join(l.dir, name+".json")
	text, err := json.Marshal(map[string]any{"Replace": replace})
	return list, errors.Join(err, os.WriteFile(list, text, 0o600))
}

// maxMemory bounds the address space of a test in KiB: a loop that never ends
// may eat memory.
const maxMemory = "8000000"

// binary is a run of the tests of a package under a mutant.
func (l *lab) binary(ctx context.Context, tests string, number int, patience time.Duration, more ...string) *exec.Cmd {
	args := append([]string{"-c", `ulimit -v "$0" && exec "$@"`, maxMemory, filepath.Join(l.dir, filepath.Base(tests)+".test"),
		"-test.short", "-test.failfast", "-test.timeout", patience.String()}, more...)
	cmd := exec.CommandContext(ctx, "sh", args...)
	cmd.Dir = filepath.Join(l.root, tests)
	cmd.Env = append(os.Environ(), fmt.Sprintf("MUTANT=%d", number))
	return cmd
}

// try runs the tests that should notice m, one package after the other.
func (l *lab) try(ctx context.Context, m mutant) verdict {
	overlay := ""
	if m.shape == literal {
		var err error
		if overlay, err = l.alone(m); err != nil {
			return broken
		}
	}
	for _, tests := range testsOf(m) {
		var v verdict
		if m.shape == literal {
			v = l.compile(ctx, overlay, tests)
		} else {
			v = l.run(ctx, tests, m)
		}
		if v != survived {
			return v
		}
	}
	return survived
}

// run leaves the slow tests for what the others do not notice.
func (l *lab) run(ctx context.Context, tests string, m mutant) verdict {
	parts := [][]string{nil}
	if pattern, ok := slow[tests]; ok {
		parts = [][]string{{"-test.skip", pattern}, {"-test.run", pattern}}
	}
	for _, part := range parts {
		if err := l.binary(ctx, tests, m.number, l.patience[tests], part...).Run(); err != nil {
			return killed
		}
	}
	return survived
}

// alone writes the file of one mutant.
func (l *lab) alone(m mutant) (string, error) {
	full, err := filepath.Abs(filepath.Join(l.root, m.path))
	if err != nil {
		return "", err
	}
	source, err := os.ReadFile(full)
	if err != nil {
		return "", err
	}
	file := filepath.Join(l.dir, fmt.Sprintf("alone%d.go", m.number))
	if err := os.WriteFile(file, []byte(string(source[:m.at])+m.text+string(source[m.end:])), 0o600); err != nil {
		return "", err
	}
	return l.overlay(fmt.Sprintf("alone%d", m.number), map[string]string{full: file})
}

// compile runs the tests of a package compiled with one mutant.
func (l *lab) compile(ctx context.Context, overlay, tests string) verdict {
	cmd := exec.CommandContext(ctx, "go", "test", "-overlay", overlay, "-vet=off", "-short", "-count=1", "-failfast",
		"-timeout", max(l.patience[tests], time.Minute).String(), "./"+tests)
	cmd.Dir = l.root
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return survived
	case bytes.Contains(out, []byte("[build failed]")), bytes.Contains(out, []byte("[setup failed]")):
		return broken
	}
	return killed
}
