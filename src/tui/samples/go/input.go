// Reads what you type: choose the output, press i, type a name and Enter; Ctrl-D ends the input.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

func main() {
	greeted := 0
	fmt.Println("What is your name?")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Printf("Hello, %s!\n", strings.TrimSpace(lines.Text()))
		greeted++
	}
	fmt.Println("greeted:", greeted)
}
