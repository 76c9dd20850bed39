//go:build tools

// Keeps the renderers that tests compare with in go.mod; each is built as it is.
package renderers

import _ "helm.sh/helm/v4/cmd/helm"
