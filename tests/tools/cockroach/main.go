// Parses SQL with CockroachDB's own parser: statements on standard input, each ended by a NUL byte.
// Prints "N: what it says" for each that it refuses, and exits 1 if there is one.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cockroachdb/cockroachdb-parser/pkg/sql/parser"
)

func main() {
	input, err := io.ReadAll(bufio.NewReader(os.Stdin))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	status := 0
	for number, statement := range bytes.Split(bytes.TrimSuffix(input, []byte{0}), []byte{0}) {
		if _, err := parser.Parse(string(statement)); err != nil {
			said, _, _ := strings.Cut(err.Error(), "\n")
			fmt.Printf("%d: %s\n", number, said)
			status = 1
		}
	}
	os.Exit(status)
}
