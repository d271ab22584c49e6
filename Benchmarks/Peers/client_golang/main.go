// SPDX-License-Identifier: Apache-2.0

// The operations of MetricsBenchmark with client_golang. Prints `name nanoseconds allocations`, the best of some
// rounds; `--run NAME N` runs one operation N times instead, and is silent.
package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

const rounds = 15

type operation struct {
	name    string
	count   int
	scale   float64
	threads int
	body    func(int)
}

func (o operation) run(count int) {
	if o.threads == 1 {
		o.body(count)
		return
	}
	var group sync.WaitGroup
	for thread := 0; thread < o.threads; thread++ {
		group.Add(1)
		go func() {
			o.body(count)
			group.Done()
		}()
	}
	group.Wait()
}

func (o operation) measure() {
	o.run(o.count/10 + 1)
	best, fewest := 1e18, 1e18
	things := float64(o.count) * o.scale
	for round := 0; round < rounds; round++ {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		o.run(o.count)
		elapsed := float64(time.Since(start).Nanoseconds())
		runtime.ReadMemStats(&after)
		if elapsed < best {
			best = elapsed
		}
		if allocations := float64(after.Mallocs - before.Mallocs); allocations < fewest {
			fewest = allocations
		}
	}
	fmt.Printf("%s %.3f %.3f\n", o.name, best/things, fewest/things)
}

var bounds = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

func instruments() []operation {
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "bench_counter_total"})
	histogram := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "bench_histogram", Buckets: bounds})
	native := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "bench_native", NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160,
	})
	vector := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bench_labels_total"}, []string{"method", "outcome"})
	methods := []string{"GET", "POST", "PUT", "DELETE"}
	outcomes := []string{"success", "failure", "rejected", "timeout"}
	increment := func(count int) {
		for index := 0; index < count; index++ {
			counter.Inc()
		}
	}
	observe := func(count int) {
		for index := 0; index < count; index++ {
			histogram.Observe(float64(index&1023) * 0.01)
		}
	}
	observeNative := func(count int) {
		for index := 0; index < count; index++ {
			native.Observe(float64(index&1023) * 0.01)
		}
	}
	labelled := func(count int) {
		for index := 0; index < count; index++ {
			vector.WithLabelValues(methods[index&3], outcomes[(index>>2)&3]).Inc()
		}
	}
	return []operation{
		{"counter", 10000000, 1, 1, increment}, {"counter/2threads", 10000000, 1, 2, increment},
		{"histogram", 2000000, 1, 1, observe}, {"histogram/2threads", 2000000, 1, 2, observe},
		{"native", 1000000, 1, 1, observeNative},
		// client_golang knows texts only, so this is the peer of both.
		{"labels/enum", 2000000, 1, 1, labelled}, {"labels/text", 2000000, 1, 1, labelled},
		{"labels/enum/2threads", 2000000, 1, 2, labelled}, {"labels/text/2threads", 2000000, 1, 2, labelled},
	}
}

func rendering() operation {
	registry := prometheus.NewRegistry()
	labels := []string{"method", "outcome"}
	durations := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "http_server_request_duration_seconds", Help: "Duration.", Buckets: bounds,
	}, labels)
	totals := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "http_requests_total", Help: "Requests."}, labels)
	registry.MustRegister(durations, totals)
	for route := 0; route < 500; route++ {
		path := fmt.Sprintf("/api/v1/resource/%d", route)
		for step := 0; step < 50; step++ {
			durations.WithLabelValues("GET", path).Observe(float64(step) * 0.013 * float64(route%7+1))
		}
		totals.WithLabelValues("GET", path).Add(float64(route * 31))
	}
	var buffer bytes.Buffer
	return operation{"render/line", 20, 7500, 1, func(count int) {
		for index := 0; index < count; index++ {
			buffer.Reset()
			families, err := registry.Gather()
			if err != nil {
				panic(err)
			}
			encoder := expfmt.NewEncoder(&buffer, expfmt.FmtText)
			for _, family := range families {
				if err := encoder.Encode(family); err != nil {
					panic(err)
				}
			}
		}
	}}
}

func main() {
	operations := append(instruments(), rendering())
	if len(os.Args) == 4 && os.Args[1] == "--run" {
		count, err := strconv.Atoi(os.Args[3])
		for _, operation := range operations {
			if err == nil && operation.name == os.Args[2] {
				operation.body(count)
				return
			}
		}
		os.Exit(2)
	}
	for _, operation := range operations {
		operation.measure()
	}
}
