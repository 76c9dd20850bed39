// Command oracle says what kubectl reads from a file: the objects that `kubectl apply -f FILE` would go on with, or
// why it would not.
//
// It is kubectl's own code that answers, cli-runtime's resource.Builder over apimachinery, with the settings of
// `kubectl apply` except that no server is asked for anything: which kinds there are, which of them have namespaces,
// what their schemas say. One line of JSON on stdin is one file, one line of JSON on stdout its answer, in order; the
// end of stdin ends the process. See [request] and [answer].
//
// It also says what kustomize reads from a file of `resources`, again by kustomize's own code.
//
// Every input gets an answer: where kubectl itself would end with a panic, that is the answer.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/resource"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/api/resmap"
)

// request is one file.
type request struct {
	// Input holds its bytes, in base64.
	Input []byte `json:"input"`
	// Kustomize asks what kustomize reads, in the place of kubectl.
	Kustomize bool `json:"kustomize,omitempty"`
}

// answer is what kubectl makes of a file.
type answer struct {
	// Objects are the objects in their order, each in the form that [write] gives it. kubectl goes on with those that
	// it could read even where there is an error.
	Objects []string `json:"objects"`
	// Error is what kubectl would print; empty where it has nothing to complain about.
	Error string `json:"error,omitempty"`
	// Panicked says that kubectl would have ended with a panic, which Error then tells.
	Panicked bool `json:"panicked,omitempty"`
}

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func serve(in io.Reader, out io.Writer) error {
	requests := json.NewDecoder(bufio.NewReaderSize(in, 1<<20))
	answers := bufio.NewWriterSize(out, 1<<20)
	encoder := json.NewEncoder(answers)
	encoder.SetEscapeHTML(false)
	for {
		var file request
		if err := requests.Decode(&file); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		reader := read
		if file.Kustomize {
			reader = readByKustomize
		}
		if err := encoder.Encode(answered(file.Input, reader)); err != nil {
			return err
		}
		if err := answers.Flush(); err != nil {
			return err
		}
	}
}

// answered is what a reader makes of a file, whatever becomes of the reader.
func answered(file []byte, reader func([]byte) ([]string, error)) (result answer) {
	defer func() {
		if cause := recover(); cause != nil {
			result = answer{Objects: []string{}, Error: fmt.Sprint(cause), Panicked: true}
		}
	}()
	objects, err := reader(file)
	result.Objects = append([]string{}, objects...)
	if err != nil {
		result.Error = err.Error()
		if result.Error == "" {
			result.Error = "an error without words"
		}
	}
	return result
}

// readByKustomize reads a file as one of `resources` in a kustomization, and gives what kubectl would be handed of it.
func readByKustomize(file []byte) ([]string, error) {
	resources := provider.NewDefaultDepProvider().GetResourceFactory()
	found, err := resmap.NewFactory(resources).NewResMapFromBytes(file)
	if err != nil {
		return nil, err
	}
	text, err := found.AsYaml()
	if err != nil {
		return nil, err
	}
	return read(text)
}

// read reads a file as `kubectl apply -f` does. It may have objects and an error.
func read(file []byte) ([]string, error) {
	// A FileVisitor is this transformation before a StreamVisitor; a file would only be slower.
	text := transform.NewReader(bytes.NewReader(file), unicode.BOMOverride(unicode.UTF8.NewDecoder()))
	infos, err := resource.NewLocalBuilder().
		Unstructured().
		ContinueOnError().
		Stream(text, "file").
		Flatten().
		Do().
		Infos()
	objects := []string{}
	for _, info := range infos {
		object, ok := info.Object.(*unstructured.Unstructured)
		if !ok {
			panic(fmt.Sprintf("%T is no unstructured object", info.Object))
		}
		objects = append(objects, write(object.Object))
	}
	return objects, err
}
