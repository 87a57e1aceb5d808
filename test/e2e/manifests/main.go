// Reads manifests of deploy/ as those who will act on them do: by the API's own types, strictly, upper and lower case as written.
//
//	manifests kubernetes FOLDER   what `kustomize build` makes of it goes to stdout, each object as the API server decodes it
//	manifests objects             the same of YAML from stdin
//	manifests cloudrun            a Service of Cloud Run's API from stdin
//	manifests compose FILE        by compose's own loader; what it makes of it goes to stdout
//
// Ends with 1 where something is unknown, of a wrong type, or there twice.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/cli"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	run "google.golang.org/api/run/v1"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	serializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/json"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := act(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func act(words []string) error {
	switch {
	case len(words) == 2 && words[0] == "kubernetes":
		return build(words[1])
	case len(words) == 1 && words[0] == "objects":
		text, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		return decode(text)
	case len(words) == 1 && words[0] == "cloudrun":
		return cloudRun()
	case len(words) == 2 && words[0] == "compose":
		return compose(words[1])
	}
	return errors.New("usage: manifests kubernetes FOLDER | objects | cloudrun | compose FILE")
}

// As `kustomize build` does: the same engine with its usual options.
func build(folder string) error {
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return err
	}
	text, err := made.AsYaml()
	if err != nil {
		return err
	}
	os.Stdout.Write(text)
	return decode(text)
}

// As the API server does with fieldValidation=Strict.
func decode(text []byte) error {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		apps.AddToScheme, autoscaling.AddToScheme, core.AddToScheme, networking.AddToScheme, policy.AddToScheme,
		monitoring.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	options := serializer.SerializerOptions{Yaml: true, Strict: true}
	strict := serializer.NewSerializerWithOptions(serializer.DefaultMetaFactory, scheme, scheme, options)
	var faults []error
	documents := utilyaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(text)))
	buffer := make([]byte, 1<<20)
	for {
		size, err := documents.Read(buffer)
		if err == io.EOF {
			return errors.Join(faults...)
		}
		if err != nil {
			return err
		}
		if _, _, err := strict.Decode(buffer[:size], nil, nil); err != nil {
			faults = append(faults, err)
		}
	}
}

func cloudRun() error {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	text, err = yaml.YAMLToJSONStrict(text)
	if err != nil {
		return err
	}
	faults, err := json.UnmarshalStrict(text, &run.Service{})
	return errors.Join(append(faults, err)...)
}

func compose(file string) error {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithOsEnv, cli.WithWorkingDirectory(filepath.Dir(file)),
		cli.WithName("pre-check"))
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	text, err := project.MarshalYAML()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}
