//go:build !unix

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "mariarun: there are no process groups on this system, which it needs")
	os.Exit(1)
}
