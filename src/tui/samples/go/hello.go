// F5 runs this
package main

import "fmt"

func main() {
	fmt.Print("squares:")
	for n := 1; n < 5; n++ {
		fmt.Print(" ", n*n)
	}
	fmt.Println()
}
