package main

import (
	"fmt"
	"strconv"
)

// sum counts things: no responses, 1 response, 2 responses.
func sum(n int, noun string) string {
	count := strconv.Itoa(n)
	if n == 0 {
		count = "no"
	}
	if n != 1 {
		noun += "s"
	}
	return count + " " + noun
}

// bytesText prints a size in the unit that suits it.
func bytesText(n int64) string {
	const k = 1 << 10
	switch {
	case n < 10*k:
		return fmt.Sprintf("%d B", n)
	case n < 10*k*k:
		return fmt.Sprintf("%d KiB", n/k)
	case n < 10*k*k*k:
		return fmt.Sprintf("%d MiB", n/k/k)
	}
	return fmt.Sprintf("%d GiB", n/k/k/k)
}
