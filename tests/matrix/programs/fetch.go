// SPDX-License-Identifier: MIT
// fetch URL: net/http, the body on stdout
package main

import (
	"io"
	"net/http"
	"os"
)

func main() {
	r, err := http.Get(os.Args[1])
	if err != nil {
		panic(err)
	}
	defer r.Body.Close()
	if r.StatusCode != 200 {
		os.Exit(3)
	}
	if _, err = io.Copy(os.Stdout, r.Body); err != nil {
		panic(err)
	}
}
