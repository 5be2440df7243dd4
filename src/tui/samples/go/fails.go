// Fails on purpose: the output tells where, and the exit code isn't 0.
package main

import "fmt"

func share(sweets int, children []string) int {
	if len(children) == 0 {
		panic("there is nobody to share with")
	}
	return sweets / len(children)
}

func main() {
	fmt.Println(share(12, []string{"Ada", "Alan", "Grace"}))
	fmt.Println(share(12, nil))
}
