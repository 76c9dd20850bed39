package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
)

// lie does something wrong with the answer of an honest registry, or leaves it alone.
type lie func(w http.ResponseWriter, r *http.Request, honest http.Handler)

// lies are what a registry may do wrong, by their names.
var lies = map[string]lie{
	// Each blob that is read has one bit that is another.
	"changed-blob": func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		change(w, r, honest, r.Method == http.MethodGet && is(r, "blobs"), flip)
	},
	// Each manifest that is read has one byte more, which changes nothing of what it says.
	"changed-manifest": func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		change(w, r, honest, r.Method == http.MethodGet && is(r, "manifests"), func(body []byte) []byte {
			return append(body, '\n')
		})
	},
	// Each blob that is read lacks its end.
	"short-blob": func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		change(w, r, honest, r.Method == http.MethodGet && is(r, "blobs"), func(body []byte) []byte {
			return body[:len(body)/2]
		})
	},
	// No blob ends.
	"endless-blob": func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		if r.Method != http.MethodGet || !is(r, "blobs") {
			honest.ServeHTTP(w, r)
			return
		}
		for {
			if _, err := w.Write(bytes.Repeat([]byte("endless "), 1024)); err != nil {
				return
			}
		}
	},
	// Whatever is put is said to be something else.
	"other-digest": func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		if r.Method == http.MethodPut {
			w = other{w}
		}
		honest.ServeHTTP(w, r)
	},
	// The connection breaks in the middle of each manifest that is put under a tag.
	"broken-tag": func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		if r.Method == http.MethodPut && is(r, "manifests") && !strings.Contains(r.URL.Path, "sha256:") {
			panic(http.ErrAbortHandler)
		}
		honest.ServeHTTP(w, r)
	},
	// Nothing is answered.
	"hang": func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		<-r.Context().Done()
	},
	// Uploads go to a service of the cloud.
	"inward-upload": func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		if r.Method == http.MethodPost && is(r, "uploads") {
			w.Header().Set("Location", "http://169.254.169.254/latest")
			w.WriteHeader(http.StatusAccepted)
			return
		}
		honest.ServeHTTP(w, r)
	},
}

// busy refuses each request once, as one does that is restarted.
type busy struct {
	lock  sync.Mutex
	known map[string]bool
}

func (b *busy) lie(w http.ResponseWriter, r *http.Request, honest http.Handler) {
	key := r.Method + " " + r.URL.Path
	if is(r, "uploads") {
		// Each upload has a path of its own.
		key = r.Method
	}
	b.lock.Lock()
	again := b.known[key]
	b.known[key] = true
	b.lock.Unlock()
	if again {
		honest.ServeHTTP(w, r)
	} else {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// lying is the registry with what it does wrong.
func lying(honest http.Handler, name string) (http.Handler, error) {
	told, known := lies[name]
	switch {
	case name == "":
		return honest, nil
	case name == "busy":
		told = (&busy{known: map[string]bool{}}).lie
	case !known:
		return nil, fmt.Errorf("there is no lie %q", name)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { told(w, r, honest) }), nil
}

// is says whether a request is about blobs, manifests or uploads.
func is(r *http.Request, what string) bool {
	return strings.Contains(r.URL.Path, "/"+what+"/")
}

// change answers with another body where that is wanted.
func change(w http.ResponseWriter, r *http.Request, honest http.Handler, wanted bool, body func([]byte) []byte) {
	if !wanted {
		honest.ServeHTTP(w, r)
		return
	}
	recorded := httptest.NewRecorder()
	honest.ServeHTTP(recorded, r)
	for name, values := range recorded.Header() {
		w.Header()[name] = values
	}
	bytes := recorded.Body.Bytes()
	if recorded.Code == http.StatusOK {
		bytes = body(bytes)
		w.Header().Set("Content-Length", fmt.Sprint(len(bytes)))
	}
	w.WriteHeader(recorded.Code)
	w.Write(bytes)
}

func flip(body []byte) []byte {
	if len(body) > 0 {
		body[len(body)/2] ^= 1
	}
	return body
}

// other says another digest than there is.
type other struct {
	http.ResponseWriter
}

func (o other) WriteHeader(status int) {
	if o.Header().Get("Docker-Content-Digest") != "" {
		o.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("0", 64))
	}
	o.ResponseWriter.WriteHeader(status)
}
