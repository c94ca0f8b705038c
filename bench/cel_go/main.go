// Times cel-go in Kubernetes' environment, as the API server compiles and evaluates policies.
//
// The first line of standard input is a JSON object with the expressions and the objects; the
// answer holds what each expression gives for each object, and null for an error. Every further
// line asks for one measurement: how often to evaluate each expression with the first object; the
// answer is the nanoseconds of one evaluation of each.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"k8s.io/apimachinery/pkg/util/version"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

type task struct {
	Expressions []string         `json:"expressions"`
	Objects     []map[string]any `json:"objects"`
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

// integers turns whole numbers into integers, as the API server decodes JSON.
func integers(value any) any {
	switch known := value.(type) {
	case json.Number:
		if number, err := known.Int64(); err == nil {
			return number
		}
		return must(known.Float64())
	case map[string]any:
		for key := range known {
			known[key] = integers(known[key])
		}
	case []any:
		for index := range known {
			known[index] = integers(known[index])
		}
	}
	return value
}

func compile(expressions []string) []cel.Program {
	options := environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0),
		EnvOptions:        []cel.EnvOption{cel.Variable("object", cel.DynType)},
	}
	set := must(environment.MustBaseEnvSet(version.MajorMinor(1, 37)).Extend(options))
	env := must(set.Env(environment.StoredExpressions))
	programs := make([]cel.Program, len(expressions))
	for index, text := range expressions {
		ast, issues := env.Compile(text)
		must(ast, issues.Err())
		programs[index] = must(env.Program(ast,
			cel.InterruptCheckFrequency(celconfig.CheckFrequency),
			cel.CostLimit(celconfig.PerCallLimit)))
	}
	return programs
}

func evaluate(program cel.Program, object map[string]any) any {
	value, _, err := program.ContextEval(context.Background(), map[string]any{"object": object})
	if err != nil {
		return nil
	}
	return value.Value()
}

func measure(program cel.Program, object map[string]any, count int) float64 {
	start := time.Now()
	for range count {
		evaluate(program, object)
	}
	return float64(time.Since(start).Nanoseconds()) / float64(count)
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	answers := json.NewEncoder(os.Stdout)
	if !lines.Scan() {
		return
	}
	var given task
	decoder := json.NewDecoder(strings.NewReader(lines.Text()))
	decoder.UseNumber()
	must(given, decoder.Decode(&given))
	programs := compile(given.Expressions)
	results := make([][]any, len(programs))
	for index, program := range programs {
		for _, object := range given.Objects {
			integers(object)
			results[index] = append(results[index], evaluate(program, object))
		}
	}
	must(0, answers.Encode(results))
	for lines.Scan() {
		count := must(strconv.Atoi(lines.Text()))
		times := make([]float64, len(programs))
		for index, program := range programs {
			times[index] = measure(program, given.Objects[0], count)
		}
		must(0, answers.Encode(times))
	}
}
