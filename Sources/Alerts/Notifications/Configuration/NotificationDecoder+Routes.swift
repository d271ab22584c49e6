// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

extension NotificationDecoder {
    func rootRoute(_ reader: YAMLMappingReader, _ names: Names) -> RouteConfiguration {
        if reader.value("receiver") == nil { reader.missing("receiver") }
        for key in ["matchers", "match", "match_re"] where reader.contains(key) {
            reader.problem(key, "the root route takes everything and may not have \(key)")
        }
        for key in ["mute_time_intervals", "active_time_intervals"] where reader.contains(key) {
            reader.problem(key, "the root route may not have \(key)")
        }
        return route(reader, names, depth: 0)
    }

    private func route(_ reader: YAMLMappingReader, _ names: Names, depth: Int) -> RouteConfiguration {
        var route = RouteConfiguration()
        route.receiver = reader.string("receiver")
        if let receiver = route.receiver, !names.receivers.contains(receiver) {
            reader.problem("receiver", "receiver \"\(receiver)\" is not defined")
        }
        route.groupBy = grouping(reader)
        route.groupWait = reader.duration("group_wait")
        route.groupInterval = reader.duration("group_interval", atLeast: .milliseconds(1))
        route.repeatInterval = reader.duration("repeat_interval", atLeast: .milliseconds(1))
        route.matchers = matchers(reader, list: "matchers", equal: "match", expression: "match_re")
        route.muteTimeIntervals = intervalNames(reader, "mute_time_intervals", names)
        route.activeTimeIntervals = intervalNames(reader, "active_time_intervals", names)
        route.continues = reader.boolean("continue") ?? false
        let children = reader.mappings("routes") ?? []
        if depth >= RouteTree.maximumDepth, !children.isEmpty {
            reader.problem("routes", "routes are nested deeper than \(RouteTree.maximumDepth)")
        } else {
            route.routes = children.map { self.route($0, names, depth: depth + 1) }
        }
        reader.finish()
        return route
    }

    private func grouping(_ reader: YAMLMappingReader) -> RouteConfiguration.Grouping? {
        guard let labels = reader.strings("group_by") else { return nil }
        guard labels.contains("...") else {
            if Set(labels).count != labels.count {
                reader.problem("group_by", "\(reader.name("group_by")) names a label twice")
            }
            return .labels(labels)
        }
        if labels.count > 1 { reader.problem("group_by", "'...' must stand alone in \(reader.name("group_by"))") }
        return .all
    }

    private func intervalNames(_ reader: YAMLMappingReader, _ key: String, _ names: Names) -> [String] {
        let wanted = reader.strings(key) ?? []
        for name in wanted where !names.intervals.contains(name) {
            reader.problem(key, "time interval \"\(name)\" is not defined")
        }
        return wanted
    }

    /// The three ways to write matchers, together.
    func matchers(
        _ reader: YAMLMappingReader,
        list: String,
        equal: String,
        expression: String
    ) -> [AlertMatcher] {
        var result: [AlertMatcher] = []
        for (index, text) in (reader.strings(list, orSingle: true) ?? []).enumerated() {
            do {
                result += try MatcherParser.parse(text)
            } catch {
                reader.problem(list, "\(reader.name(list))[\(index)]: \(error)")
            }
        }
        for (key, operation) in [(equal, AlertMatcher.Operation.equal), (expression, .regexMatch)] {
            for pair in reader.stringPairs(key) ?? [] {
                do {
                    result.append(try AlertMatcher(pair.name, operation, pair.value))
                } catch {
                    reader.problem(key, "\(reader.name(key)).\(pair.name): \(error)")
                }
            }
        }
        return result
    }

    // MARK: Inhibition

    func inhibitionRules() -> [InhibitionRule] {
        (document.mappings("inhibit_rules") ?? []).map { reader in
            let rule = InhibitionRule(
                name: reader.string("name") ?? "",
                sourceMatchers: matchers(
                    reader,
                    list: "source_matchers",
                    equal: "source_match",
                    expression: "source_match_re"
                ).sorted(),
                targetMatchers: matchers(
                    reader,
                    list: "target_matchers",
                    equal: "target_match",
                    expression: "target_match_re"
                ).sorted(),
                equal: reader.strings("equal") ?? []
            )
            reader.finish()
            return rule
        }
    }
}
