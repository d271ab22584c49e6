// SPDX-License-Identifier: Apache-2.0

/// Bodies to take apart: everything the formats know, in little.
enum Bodies {
    static let text = Array(
        """
        # HELP http_requests_total Requests \\\\ by\\nstatus.
        # TYPE http_requests_total counter
        http_requests_total{method="GET",code="200"} 1027 1395066363000
        http_requests_total{method="POST",code="400"} 3
        # A comment

        metric_without_timestamp_and_labels 12.47
        something_weird{problem="division by \\"zero\\" \\\\ \\n ä€😀"} +Inf -3982045
        # TYPE http_request_duration_seconds histogram
        http_request_duration_seconds_bucket{le="0.05"} 24054
        http_request_duration_seconds_bucket{le="0.1"} 33444
        http_request_duration_seconds_bucket{le="+Inf"} 144320
        http_request_duration_seconds_sum 53423.1234567891234
        http_request_duration_seconds_count 144320
        # TYPE rpc_duration_seconds summary
        rpc_duration_seconds{quantile="0.01"} 3102
        rpc_duration_seconds{quantile="0.99"} 1.7560473e+07
        rpc_duration_seconds_sum 1.7560473e+07
        rpc_duration_seconds_count 2693
        {"my.metric","label.with.dots"="v",plain="x"} NaN
        nan_value{a="b",} nan
        tiny 4.9406564584124654e-324
        huge 1.7976931348623157e308

        """.utf8
    )

    static let openMetrics = Array(
        """
        # HELP http_requests Requests \\"by\\" status.
        # TYPE http_requests counter
        http_requests_total{code="200"} 1027 1395066363.5 # {trace_id="0af7651916cd43dd",span="1"} 0.67 1395066363.123
        http_requests_created{code="200"} 1395066000.25
        # TYPE latency_seconds histogram
        # UNIT latency_seconds seconds
        latency_seconds_bucket{le="0.1"} 3 # {trace_id="x"} 0.05
        latency_seconds_bucket{le="1.0"} 5
        latency_seconds_bucket{le="+Inf"} 6
        latency_seconds_sum 3.25
        latency_seconds_count 6
        # TYPE build info
        build_info{version="1.0"} 1
        # TYPE state stateset
        state{state="on"} 1
        state{state="off"} 0
        # TYPE "u.t.f" gauge
        {"u.t.f",a="ä"} -1.5e-3
        # TYPE g gaugehistogram
        g_bucket{le="+Inf"} 6
        g_gsum 3.25
        g_gcount 6
        # EOF

        """.utf8
    )
}
