// SPDX-License-Identifier: Apache-2.0

// Reads the metrics page that BENCHMARK_PAGE names with expfmt, again and again. Prints `name nanoseconds allocations`
// per line of the page, the best of some rounds; `--run NAME N` reads it N times instead, and is silent.
package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/common/expfmt"
)

const (
	rounds = 15
	count  = 10
)

func main() {
	page, err := os.ReadFile(os.Getenv("BENCHMARK_PAGE"))
	if err != nil {
		panic(err)
	}
	parse := func(times int) {
		for index := 0; index < times; index++ {
			var parser expfmt.TextParser
			if _, err := parser.TextToMetricFamilies(bytes.NewReader(page)); err != nil {
				panic(err)
			}
		}
	}
	if len(os.Args) == 4 && os.Args[1] == "--run" {
		times, err := strconv.Atoi(os.Args[3])
		if err != nil {
			os.Exit(2)
		}
		parse(times)
		return
	}
	parse(1)
	best, fewest := 1e18, 1e18
	for round := 0; round < rounds; round++ {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		parse(count)
		elapsed := float64(time.Since(start).Nanoseconds())
		runtime.ReadMemStats(&after)
		if elapsed < best {
			best = elapsed
		}
		if allocations := float64(after.Mallocs - before.Mallocs); allocations < fewest {
			fewest = allocations
		}
	}
	things := float64(count * bytes.Count(page, []byte("\n")))
	// expfmt remembers nothing, so this is the peer of all.
	for _, name := range []string{"parse/cursor", "parse/labels", "parse/first", "parse/known"} {
		fmt.Printf("%s %.3f %.3f\n", name, best/things, fewest/things)
	}
}
