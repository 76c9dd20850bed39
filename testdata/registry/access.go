package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// account is who may read and write. The identity token is good for tokens only, as what `docker login` keeps for some
// registries.
type account struct {
	user, password, identityToken string
}

func (a account) proves(r *http.Request) bool {
	user, password, given := r.BasicAuth()
	return given && user == a.user && password == a.password
}

// guard lets through to inner what proves itself as access says.
func guard(inner http.Handler, access string, account account) (http.Handler, error) {
	switch access {
	case "open":
		return inner, nil
	case "basic":
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if account.proves(r) {
				inner.ServeHTTP(w, r)
			} else {
				refuse(w, `Basic realm="registry"`)
			}
		}), nil
	case "token":
		return &tokens{inner: inner, account: account, issued: map[string][]string{}}, nil
	default:
		return nil, fmt.Errorf("there is no access %q", access)
	}
}

// refuse answers as the distribution specification has it.
func refuse(w http.ResponseWriter, challenge string) {
	w.Header().Set("WWW-Authenticate", challenge)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnauthorized)
	fmt.Fprintln(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
}

// tokens asks for a bearer token, as public registries do, and issues such tokens at /token to who knows the password.
type tokens struct {
	inner   http.Handler
	account account
	lock    sync.Mutex
	// issued has for each token what it is for: `repository:NAME:ACTION`, with one action each.
	issued map[string][]string
}

func (t *tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" {
		t.issue(w, r)
		return
	}
	name, actions := wanted(r)
	token, given := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if given && t.allows(token, name, actions) {
		t.inner.ServeHTTP(w, r)
		return
	}
	challenge := fmt.Sprintf(`Bearer realm="https://%s/token",service="registry"`, r.Host)
	if name != "" {
		challenge += fmt.Sprintf(`,scope="repository:%s:%s"`, name, strings.Join(actions, ","))
	}
	refuse(w, challenge)
}

// issue gives a token for all that is asked for: there is one user, who may do all. Who asks with POST shows the identity
// token, as OAuth 2 has it.
func (t *tokens) issue(w http.ResponseWriter, r *http.Request) {
	scopes, field, proved := r.URL.Query()["scope"], "token", t.account.proves(r)
	if r.Method == http.MethodPost {
		scopes, field = []string{r.PostFormValue("scope")}, "access_token"
		proved = r.PostFormValue("grant_type") == "refresh_token" &&
			r.PostFormValue("refresh_token") == t.account.identityToken
	}
	if !proved {
		refuse(w, `Basic realm="tokens"`)
		return
	}
	token := rand.Text()
	t.lock.Lock()
	t.issued[token] = allowances(scopes)
	t.lock.Unlock()
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{field: token, "expires_in": 300})
}

// allowances are the scopes, each of which may be several with a space between, with one action each.
func allowances(scopes []string) []string {
	var all []string
	for _, scope := range strings.Fields(strings.Join(scopes, " ")) {
		at := strings.LastIndex(scope, ":")
		for _, action := range strings.Split(scope[at+1:], ",") {
			all = append(all, scope[:at+1]+action)
		}
	}
	return all
}

func (t *tokens) allows(token, name string, actions []string) bool {
	t.lock.Lock()
	defer t.lock.Unlock()
	issued, known := t.issued[token]
	for _, action := range actions {
		known = known && slices.Contains(issued, "repository:"+name+":"+action)
	}
	return known
}

// wanted is what a request needs: nothing where it is not about a repository.
func wanted(r *http.Request) (name string, actions []string) {
	path := strings.TrimPrefix(r.URL.Path, "/v2/")
	end := -1
	for _, part := range []string{"/blobs/", "/manifests/", "/tags/", "/referrers/"} {
		end = max(end, strings.LastIndex(path, part))
	}
	switch {
	case end < 0:
		return "", nil
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return path[:end], []string{"pull"}
	default:
		return path[:end], []string{"pull", "push"}
	}
}
