// A program that tries to get out of a sandbox, or to use it up: what a hostile renderer would do.
//
//	escape NAME [ARGUMENT...]
//
// It makes one attempt and says what came of it: `refused: why` or `escaped: how`. Attempts to use something up print
// nothing; who started it sees what comes of them.
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// attempt gives an error where it was refused.
type attempt func(arguments []string) error

func main() {
	name, arguments := os.Args[1], os.Args[2:]
	if name == "list" {
		fmt.Println(strings.Join(names(), "\n"))
		return
	}
	if use, found := bombs[name]; found {
		use(arguments)
		return
	}
	try, found := attempts()[name]
	if !found {
		fmt.Fprintln(os.Stderr, "there is no attempt", name)
		os.Exit(2)
	}
	if err := try(arguments); err != nil {
		fmt.Println("refused:", err)
	} else {
		fmt.Println("escaped:", name)
	}
}

func attempts() map[string]attempt {
	all := map[string]attempt{}
	for _, group := range []map[string]attempt{network, files, kernel, processes} {
		for name, try := range group {
			all[name] = try
		}
	}
	return all
}

func names() []string {
	var names []string
	for name := range attempts() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
