// Command registry is an OCI registry on the loopback interface, in memory, for tests of clients.
//
// It prints its address as soon as it takes requests, and serves until it is killed: clients over TLS on a port that the
// system chooses, and on a Unix socket whoever started it, who puts charts there (see [pusher]).
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
)

// settings are the flags.
type settings struct {
	certificate, key string
	control          string
	requests         string
	access           string
	referrers        bool
	lie              string
	account          account
}

func main() {
	if err := serve(flags()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func flags() settings {
	var s settings
	flag.StringVar(&s.certificate, "certificate", "", "file of the certificate")
	flag.StringVar(&s.key, "key", "", "file of its key")
	flag.StringVar(&s.control, "control", "", "Unix socket for charts and artifacts to be put in")
	flag.StringVar(&s.requests, "requests", "", "file that gets a line for each request of a client")
	flag.StringVar(&s.access, "access", "open", "what clients must prove themselves with: open, basic, token")
	flag.BoolVar(&s.referrers, "referrers", true, "whether it has the referrers API")
	flag.StringVar(&s.lie, "lie", "", "what it does wrong: see lies")
	flag.StringVar(&s.account.user, "user", "", "the only user")
	flag.StringVar(&s.account.password, "password", "", "the user's password")
	flag.StringVar(&s.account.identityToken, "identity-token", "", "what tokens are also given for")
	flag.Parse()
	return s
}

func serve(s settings) error {
	storage := registry.New(registry.WithReferrersSupport(s.referrers), registry.Logger(log.New(io.Discard, "", 0)))
	lying, err := lying(storage, s.lie)
	if err != nil {
		return err
	}
	guarded, err := guard(lying, s.access, s.account)
	if err != nil {
		return err
	}
	requests, err := os.Create(s.requests)
	if err != nil {
		return err
	}
	control, err := net.Listen("unix", s.control)
	if err != nil {
		return err
	}
	clients, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("https://%s\n", clients.Addr())
	ended := make(chan error)
	go func() { ended <- http.Serve(control, pusher{storage}) }()
	go func() { ended <- http.ServeTLS(clients, logged(guarded, requests), s.certificate, s.key) }()
	return <-ended
}
