// SPDX-License-Identifier: Apache-2.0

import Exposition
import HealthChecks

/// The answer of one attempt as a metrics page, as blackbox_exporter shows it.
enum ResultPage {
    static func text(_ result: CheckResult) -> String {
        var builder = FamilyBuilder()
        var samples = result.samples
        if !samples.contains(where: { $0.name == success.name }) {
            samples.append(CheckSample(success, [], result.isUp ? 1 : 0))
        }
        if !samples.contains(where: { $0.name == duration.name }) {
            samples.append(CheckSample(duration, [], result.duration / .seconds(1)))
        }
        for sample in samples {
            let labels = sample.labels.map { (name: $0.name, value: $0.value) }
            builder.add(sample.name, .gauge, sample.family.help, labels, sample.value)
        }
        var writer = ExpositionWriter(format: .text)
        for family in builder.families { writer.write(family) }
        writer.finish()
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private static let success = CheckFamily("probe_success", help: "Whether the probe succeeded.")
    private static let duration = CheckFamily("probe_duration_seconds", help: "How long the probe took.")
}
