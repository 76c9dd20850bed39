// Command cosign is Sigstore's timestamp authority on the loopback interface, with a key that it makes as it starts, for tests
// of clients. It takes the port to listen on, and serves until it is killed.
//
// It is the authority itself, but for its server of metrics, which would listen on the same port for each test.
package main

import (
	"log"
	"os"
	"strconv"
	"time"

	"github.com/sigstore/timestamp-authority/v2/pkg/server"
	"github.com/spf13/viper"
)

// policy is what Sigstore's own authority states in each timestamp.
const policy = "1.3.6.1.4.1.57264.2"

const patience = 30 * time.Second

func main() {
	port, err := strconv.Atoi(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	viper.Set("timestamp-signer", "memory")
	viper.Set("timestamp-signer-hash", "sha256")
	viper.Set("default-policy-oid", policy)
	viper.Set("accepted-policy-oids", []string{policy})
	viper.Set("max-request-body-size", 1<<20)
	authority := server.NewRestAPIServer("127.0.0.1", port, []string{"http"}, false, patience, patience)
	if err := authority.Serve(); err != nil {
		log.Fatal(err)
	}
}
