package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
)

const (
	manifestType    = "application/vnd.oci.image.manifest.v1+json"
	chartConfigType = "application/vnd.cncf.helm.config.v1+json"
	chartType       = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	emptyConfigType = "application/vnd.oci.empty.v1+json"
)

// pusher takes the archive of a chart, and puts it into the registry as `helm push` does. Headers say which one it is:
// Repository (what comes before the chart's name), Name, Version. Where Layer says the type of the layer, the body is that
// layer of an artifact, as `oras push` makes it. The answer is the digest of the manifest.
type pusher struct {
	storage http.Handler
}

// descriptor is how a manifest refers to a blob.
type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

// manifest is what a tag stands for.
type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	Config        descriptor        `json:"config"`
	Layers        []descriptor      `json:"layers"`
	Annotations   map[string]string `json:"annotations"`
}

func (p pusher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	archive, err := io.ReadAll(r.Body)
	if err == nil {
		var digest string
		digest, err = p.push(r.Header, archive)
		if err == nil {
			fmt.Fprint(w, digest)
			return
		}
	}
	http.Error(w, err.Error(), http.StatusBadRequest)
}

func (p pusher) push(asked http.Header, blob []byte) (string, error) {
	name, version := asked.Get("Name"), asked.Get("Version")
	place := strings.Trim(asked.Get("Repository")+"/"+name, "/")
	layerType, configType, metadata := asked.Get("Layer"), emptyConfigType, []byte("{}")
	if layerType == "" {
		layerType, configType = chartType, chartConfigType
		var err error
		metadata, err = json.Marshal(map[string]string{"apiVersion": "v2", "name": name, "version": version})
		if err != nil {
			return "", err
		}
	}
	config, err := p.putBlob(place, configType, metadata)
	if err != nil {
		return "", err
	}
	layer, err := p.putBlob(place, layerType, blob)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(manifest{
		SchemaVersion: 2,
		MediaType:     manifestType,
		Config:        config,
		Layers:        []descriptor{layer},
		Annotations: map[string]string{
			"org.opencontainers.image.title":   name,
			"org.opencontainers.image.version": version,
		},
	})
	if err != nil {
		return "", err
	}
	// A tag cannot have the `+` of a version.
	tag := strings.ReplaceAll(version, "+", "_")
	return digest(text), p.put(http.MethodPut, "/v2/"+place+"/manifests/"+tag, manifestType, text)
}

func (p pusher) putBlob(place, mediaType string, blob []byte) (descriptor, error) {
	path := "/v2/" + place + "/blobs/uploads/?digest=" + url.QueryEscape(digest(blob))
	err := p.put(http.MethodPost, path, "application/octet-stream", blob)
	return descriptor{MediaType: mediaType, Digest: digest(blob), Size: len(blob)}, err
}

// put makes a request of the registry that no guard sees.
func (p pusher) put(method, path, contentType string, body []byte) error {
	request, err := http.NewRequest(method, path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", contentType)
	answer := httptest.NewRecorder()
	p.storage.ServeHTTP(answer, request)
	if answer.Code != http.StatusCreated {
		return fmt.Errorf("%s %s: %d %s", method, path, answer.Code, answer.Body)
	}
	return nil
}

func digest(bytes []byte) string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256(bytes))
}
