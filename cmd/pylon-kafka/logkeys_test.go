package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// logMethods are those of a slog.Logger, with how many arguments come before the
// pairs of key and value.
func logMethods() map[string]int {
	return map[string]int{
		"With": 0, "Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "Log": 3,
		"DebugContext": 2, "InfoContext": 2, "WarnContext": 2, "ErrorContext": 2,
	}
}

// TestLogs_haveErrorsUnderOneKey reads the source of the module: whoever searches
// the log for errors looks under "error".
func TestLogs_haveErrorsUnderOneKey(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	errors := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			for _, key := range errorKeys(call) {
				errors++
				if key != `"error"` {
					t.Errorf("%s: an error is logged under %s", files.Position(call.Pos()), key)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if errors < 10 {
		t.Errorf("%d errors are logged, which is too few: does the test still see them?", errors)
	}
}

// errorKeys returns the keys, as literals, under which a call logs something that
// by its name is an error.
func errorKeys(call *ast.CallExpr) []string {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	before, ok := logMethods()[method.Sel.Name]
	if !ok || len(call.Args) < before {
		return nil
	}
	isError := regexp.MustCompile(`^[eE]rr$|Err$`)
	var keys []string
	for pair := range slices.Chunk(call.Args[before:], 2) {
		key, ok := pair[0].(*ast.BasicLit)
		if ok && key.Kind == token.STRING && len(pair) == 2 && isError.MatchString(lastName(pair[1])) {
			keys = append(keys, key.Value)
		}
	}
	return keys
}

// lastName is the name that an expression ends with: err of err, x.err and x.err().
func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.CallExpr:
		return lastName(e.Fun)
	default:
		return ""
	}
}
