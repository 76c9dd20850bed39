//go:build tools

// Keeps kwok in go.mod: it is built as a binary of its own, because its `--version`
// flag collides with the one of the Kubernetes components.
package main

import _ "sigs.k8s.io/kwok/cmd/kwok"
