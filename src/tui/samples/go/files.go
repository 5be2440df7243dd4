// Files stay in the session: run it twice, then look at them in the pane of files.
package main

import (
	"fmt"
	"log"
	"os"
	"strings"
)

func lines(name string) int {
	text, err := os.ReadFile(name)
	if err != nil {
		log.Fatal(err)
	}
	return strings.Count(string(text), "\n")
}

func main() {
	if err := os.WriteFile("notes.txt", []byte("milk\nbread\napples\n"), 0o644); err != nil {
		log.Fatal(err)
	}
	runs, err := os.OpenFile("runs.log", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintln(runs, "one more run")
	runs.Close()

	fmt.Printf("notes.txt has %d lines\n", lines("notes.txt"))
	fmt.Printf("this was run %d time(s) in this session\n", lines("runs.log"))
}
