// SPDX-License-Identifier: Apache-2.0

import JSONDocument
import TestSupport

/// The texts that mutation starts from.
package struct ExpressionCorpus: Sendable {
    package let expressions: [String]
    package let selectors = [
        "up", "up{job=\"api\"}", "{__name__=~\"a.*|b\",x!=\"y\"}", "{\"my.metric\", \"a.label\"!~'x+'}",
        "up{a=\"\\u00e9\\x41\\101\",}", "{job=`raw`}",
    ]
    package let descriptions = [
        "metric{a=\"b\"} 1 2+3x4 _ _x3 stale -1-2x3 NaN Inf", "{\"m.n\"} {{schema:1 count:3 sum:4 buckets:[1 2]}}x3",
        "h {{schema:0 count:1}}+{{count:1 sum:2 buckets:[1]}}x5 {{}}",
        "c {{schema:-53 custom_values:[1 2] buckets:[1 2 3] counter_reset_hint:gauge}}-{{schema:-53}}x2",
        "h {{schema:2 n_buckets:[1 5] n_offset:-2 offset:3 z_bucket:1 z_bucket_w:0.001 buckets:[1]}}",
    ]

    /// One of each form of the language.
    private static let forms = [
        "1", "-1.5e3", "0x1F", "Inf", "NaN", "1_000", "5m", "1h30m", "\"text\"", "'\\n\\t\\u00e9'", "`raw`", "a", "a:b",
        "{__name__=\"a\"}", "a{b=\"c\",d!=\"e\",f=~\"g.*\",h!~\"i|j\"}", "{\"a.b\", \"c d\"=\"e\"}", "a offset 5m",
        "a offset -1h",
        "a @ 1000", "a @ start()", "a @ end() offset 1m", "a[5m]", "a[5m] @ 100 offset 1m", "a[1h:1m]",
        "a[1h:] offset 5m",
        "rate(a[5m])", "(a)", "-a", "+a", "a + b * c ^ 2 ^ 3", "a % b / c - 1", "a == bool b",
        "a and on (x) b or c unless d",
        "a * on (x, y) group_left (z) b", "a / ignoring (x) group_right b", "a > 1 < 2", "a atan2 b", "1 > bool 2",
        "sum(a)", "sum by (x) (a)", "sum(a) by (x, y)", "avg without () (a)", "topk(3, a)", "bottomk by (x) (2, a)",
        "quantile(0.9, a)", "count_values(\"v\", a)", "stddev(a) / stdvar(a)", "group(a) + min(a) + max(a) + count(a)",
        "limitk(2, a)", "limit_ratio(-0.5, a)", "histogram_quantile(0.9, sum by (le) (rate(a[5m])))",
        "histogram_quantiles(h, \"q\", 0.5, 0.9)", "histogram_fraction(0, 1, h)",
        "label_replace(a, \"x\", \"$1\", \"y\", \"(.*)\")",
        "label_join(a, \"x\", \",\", \"y\", \"z\")", "absent(a{x=\"y\"})", "absent_over_time(a[5m])",
        "sort_by_label(a, \"x\")",
        "info(a, {d=~\".+\"})", "predict_linear(a[5m], 60)", "double_exponential_smoothing(a[5m], 0.5, 0.5)",
        "quantile_over_time(0.5, a[5m])", "clamp(a, 0, 1)", "round(a, 0.1)", "vector(1) + scalar(a) + time()",
        "timestamp(a)",
        "hour() + minute(a) + day_of_week(vector(1))", "days_in_month() + year()", "a[5m * 2 + 1]",
        "a[max_of(1m, step())]",
        "a offset (step() - 1m)", "a[range()]", "rate(a[5m] anchored)", "increase(a[5m] smoothed)", "a smoothed",
        "a + fill(0) b", "a + on (x) fill_left(1) fill_right(2) b", "h >/ 1", "h </ 2.5", "a # comment\n+ b",
        "ts_of_max_over_time(a[5m])", "mad_over_time(a[5m])", "first_over_time(a[5m])",
        "changes(a[5m]) + resets(a[5m])",
        "sum(rate(a{b=\"c\"}[5m])) by (d) / on (d) group_left sum(e) by (d) > bool 0.5 and on () vector(1)",
        "max_over_time((sum by (x) (rate(a[1m])) > 0.5)[10m:30s] offset 1m)", "bool", "on", "offset", "sum", "start",
        "by",
    ]

    /// The built-in texts, and the expressions of a list of conformance cases where there is one.
    package init(cases path: String?) {
        var expressions = Self.forms
        if let path, let bytes = try? readBytes(path), let cases = try? JSONValue(parsing: bytes) {
            for one in cases.array ?? [] {
                if let text = one["expr"]?.string { expressions.append(text) }
            }
        }
        self.expressions = expressions
    }
}
