// Receives traces by OTLP over HTTP, as JSON, and reads them as OpenTelemetry's own Collector does: by its pdata.
//
//	traces ADDRESS    listens there, and prints a line of JSON for each span, and one with `fault` for whatever is wrong
//
// The Collector passes over fields that it does not know. Here a field is a fault that is not there any more, or is another one, in
// what pdata makes of a request.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"sync"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// The Collector's own limit is 20 MiB (confighttp, max_request_body_size).
const maxRequest = 20 << 20

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: traces ADDRESS")
		os.Exit(2)
	}
	http.HandleFunc("/", receive)
	print(map[string]any{"listening": os.Args[1]})
	fmt.Fprintln(os.Stderr, http.ListenAndServe(os.Args[1], nil))
	os.Exit(1)
}

func receive(w http.ResponseWriter, r *http.Request) {
	if err := accept(r); err != nil {
		print(map[string]any{"fault": err.Error()})
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, _ := ptraceotlp.NewExportResponse().MarshalJSON()
	w.Header().Set("Content-Type", "application/json")
	w.Write(answer)
}

func accept(r *http.Request) error {
	if r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/json" {
		return fmt.Errorf("%s %s %s is no export of traces", r.Method, r.URL.Path, r.Header.Get("Content-Type"))
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil || len(body) > maxRequest {
		return fmt.Errorf("a body of %d bytes: %v", len(body), err)
	}
	request := ptraceotlp.NewExportRequest()
	if err := request.UnmarshalJSON(body); err != nil {
		return err
	}
	understood, err := request.MarshalJSON()
	if err != nil {
		return err
	}
	if path := lost(decode(body), decode(understood), "$"); path != "" {
		return fmt.Errorf("pdata does not understand %s", path)
	}
	report(request.Traces(), r.Header)
	return nil
}

func decode(text []byte) any {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	decoder.Decode(&value)
	return value
}

// lost is the first place whose value is not understood as it was sent.
func lost(sent, understood any, path string) string {
	switch sent := sent.(type) {
	case map[string]any:
		other, _ := understood.(map[string]any)
		for name, value := range sent {
			if found := lost(value, other[name], path+"."+name); found != "" {
				return found
			}
		}
		return ""
	case []any:
		other, _ := understood.([]any)
		if len(other) != len(sent) {
			return path
		}
		for index, value := range sent {
			if found := lost(value, other[index], fmt.Sprintf("%s[%d]", path, index)); found != "" {
				return found
			}
		}
		return ""
	}
	if !reflect.DeepEqual(sent, understood) {
		return fmt.Sprintf("%s: %v", path, sent)
	}
	return ""
}

func report(traces ptrace.Traces, headers http.Header) {
	for _, resource := range traces.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				print(map[string]any{
					"trace": span.TraceID().String(), "span": span.SpanID().String(), "parent": span.ParentSpanID().String(),
					"name": span.Name(), "kind": span.Kind().String(), "status": span.Status().Code().String(),
					"message": span.Status().Message(), "start": span.StartTimestamp(), "end": span.EndTimestamp(),
					"state": span.TraceState().AsRaw(), "flags": span.Flags(), "attributes": raw(span.Attributes()),
					"resource": raw(resource.Resource().Attributes()), "scope": scope.Scope().Name(),
					"authorization": headers.Get("Authorization"),
				})
			}
		}
	}
}

func raw(attributes pcommon.Map) map[string]any {
	return attributes.AsRaw()
}

var printing sync.Mutex

func print(line map[string]any) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	printing.Lock()
	defer printing.Unlock()
	fmt.Printf("%s\n", text)
}
