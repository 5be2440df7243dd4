// The same number twice: by calling itself, and step by step.
package main

import "fmt"

func recursive(n int) int {
	if n < 2 {
		return n
	}
	return recursive(n-1) + recursive(n-2)
}

func stepwise(n int) int {
	a, b := 0, 1
	for i := 0; i < n; i++ {
		a, b = b, a+b
	}
	return a
}

func main() {
	fmt.Println("fibonacci(25) =", recursive(25))
	fmt.Println("fibonacci(90) =", stepwise(90))
}
