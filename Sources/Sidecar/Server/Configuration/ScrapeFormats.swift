// SPDX-License-Identifier: Apache-2.0

package import Exposition
package import Scraping
package import YAMLDocument

/// The keys about formats and names that `global` and a scrape configuration share.
package struct ScrapeFormats: Sendable, Equatable {
    /// nil: what fits the other keys.
    package var protocols: [ScrapeProtocol]?
    package var nativeHistograms = false
    package var classicHistograms = false
    package var nameValidation = ScrapeConfiguration.NameValidation.utf8
    package var nameEscaping = NameEscaping.allowUTF8
    package var keptDroppedTargets = 0

    package init() {}

    /// Reads the keys; what is not there is as above.
    package init(_ reader: YAMLMappingReader, above: ScrapeFormats = ScrapeFormats()) {
        self = above
        protocols = Self.protocols(reader) ?? above.protocols
        nativeHistograms = reader.boolean("scrape_native_histograms") ?? above.nativeHistograms
        // The older name of the same key.
        classicHistograms =
            reader.boolean("always_scrape_classic_histograms") ?? reader.boolean("scrape_classic_histograms")
            ?? above.classicHistograms
        if reader.boolean("convert_classic_histograms_to_nhcb") == true {
            reader.problem(
                "convert_classic_histograms_to_nhcb",
                "convert_classic_histograms_to_nhcb is not supported: classic histograms are kept as they are"
            )
        }
        let validation: ScrapeConfiguration.NameValidation? = reader.choice("metric_name_validation_scheme")
        nameValidation = validation ?? above.nameValidation
        let escaping: NameEscaping? = reader.choice("metric_name_escaping_scheme")
        nameEscaping = escaping ?? (validation == .legacy ? .underscores : above.nameEscaping)
        if nameValidation == .legacy, escaping == .allowUTF8 {
            reader.problem(
                "metric_name_escaping_scheme",
                "metric_name_escaping_scheme allow-utf-8 needs metric_name_validation_scheme utf8"
            )
        }
        keptDroppedTargets = reader.integer("keep_dropped_targets") ?? above.keptDroppedTargets
    }

    /// What is asked for, best first.
    package var effectiveProtocols: [ScrapeProtocol] {
        protocols ?? (nativeHistograms ? ScrapeProtocol.withNativeHistograms : ScrapeProtocol.usual)
    }

    private static func protocols(_ reader: YAMLMappingReader) -> [ScrapeProtocol]? {
        guard let names = reader.strings("scrape_protocols") else { return nil }
        var result: [ScrapeProtocol] = []
        for name in names {
            guard let found = ScrapeProtocol(rawValue: name) else {
                let all = ScrapeProtocol.allCases.map(\.rawValue)
                let hint = Spelling.hint(for: name, among: all)
                reader.problem(
                    "scrape_protocols",
                    "scrape_protocols: expected \(all.joined(separator: ", ")), not \"\(name.prefix(60))\"\(hint)"
                )
                continue
            }
            if result.contains(found) {
                reader.problem("scrape_protocols", "scrape_protocols: \(name) stands twice")
            } else {
                result.append(found)
            }
        }
        if names.isEmpty { reader.problem("scrape_protocols", "scrape_protocols must name at least one protocol") }
        return result
    }
}
