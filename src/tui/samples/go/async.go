// Three waits at once take as long as the longest, not as long as all.
package main

import (
	"fmt"
	"time"
)

func cook(dish string, wait time.Duration, done chan<- string) {
	time.Sleep(wait)
	done <- dish
}

func main() {
	begun := time.Now()
	done := make(chan string)
	go cook("soup", 90*time.Millisecond, done)
	go cook("rice", 60*time.Millisecond, done)
	go cook("tea", 30*time.Millisecond, done)

	for i := 0; i < 3; i++ {
		fmt.Println(<-done, "is done")
	}
	fmt.Println("all of them:", time.Since(begun).Milliseconds(), "ms instead of 180")
}
