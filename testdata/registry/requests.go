package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// logged writes a line for each request before its answer begins: method, host, path, status, and what the client
// proved itself with.
func logged(inner http.Handler, log io.Writer) http.Handler {
	var lock sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		line := func(status int) {
			lock.Lock()
			defer lock.Unlock()
			fmt.Fprintf(log, "%s %s %s %d %s\n", r.Method, r.Host, r.URL.RequestURI(), status, proof(r))
		}
		answer := &answer{ResponseWriter: w, begin: line}
		inner.ServeHTTP(answer, r)
		if !answer.begun {
			answer.WriteHeader(http.StatusOK)
		}
	})
}

// proof is what the Authorization header has.
func proof(r *http.Request) string {
	scheme, _, _ := strings.Cut(strings.ToLower(r.Header.Get("Authorization")), " ")
	switch scheme {
	case "":
		return "anonymous"
	case "basic", "bearer":
		return scheme
	default:
		return "other"
	}
}

// answer tells its status as soon as there is one.
type answer struct {
	http.ResponseWriter
	begin func(status int)
	begun bool
}

func (a *answer) WriteHeader(status int) {
	if !a.begun {
		a.begun = true
		a.begin(status)
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(bytes []byte) (int, error) {
	if !a.begun {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(bytes)
}
