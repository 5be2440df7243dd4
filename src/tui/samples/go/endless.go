// Never ends by itself: Ctrl-C stops it.
package main

import (
	"fmt"
	"time"
)

func main() {
	for beat := 0; ; beat++ {
		fmt.Println("beat", beat)
		time.Sleep(500 * time.Millisecond)
	}
}
