// SPDX-License-Identifier: Apache-2.0

import AlertRules
import Crypto
import JSONDocument
import PromQL
import TimeSeries

/// What `/api/v1/rules` is asked for: filters, and which page of the groups.
struct RuleListing: Sendable {
    private let type: String
    private let names: Set<String>
    private let groupNames: Set<String>
    private let files: Set<String>
    private let selectors: [[LabelMatcher]]
    private let withoutAlerts: Bool
    /// Groups on a page; 0 for all on one.
    private let limit: Int
    /// Names the group that the page begins with.
    private let token: String

    init(_ parameters: Parameters) throws {
        names = Set(parameters.all("rule_name[]"))
        groupNames = Set(parameters.all("rule_group[]"))
        files = Set(parameters.all("file[]"))
        selectors = try parameters.selectors()
        type = parameters["type"]?.lowercased() ?? ""
        guard ["", "alert", "record"].contains(type) else {
            throw APIError.invalidParameter("type", "not supported value \"\(type)\"")
        }
        withoutAlerts = try RequestTimes.flag(parameters, "exclude_alerts")
        token = parameters["group_next_token"] ?? ""
        let text = parameters["group_limit"] ?? ""
        guard token.isEmpty || !text.isEmpty else {
            let words = "group_limit needs to be present in order to paginate over the groups"
            throw APIError.invalidParameter("group_next_token", words)
        }
        guard !text.isEmpty else {
            limit = 0
            return
        }
        guard let number = Int32(text) else {
            throw APIError.invalidParameter("group_limit", "group_limit needs to be a valid number")
        }
        guard number > 0 else {
            throw APIError.invalidParameter("group_limit", "group_limit needs to be greater than 0")
        }
        limit = Int(number)
    }

    /// The object with the groups asked for.
    func page(_ manager: RuleManager) throws(APIError) -> [UInt8] {
        var groups = manager.groups[...]
        if !token.isEmpty {
            groups = groups.drop { Self.token(of: $0) != token }
            guard !groups.isEmpty else {
                let words = "invalid group_next_token '\(token)'. were rule groups changed?"
                throw APIError.invalidParameter("group_next_token", words)
            }
        }
        var json = JSONWriter(reservingCapacity: 16 << 10)
        var written = 0
        var next: String?
        json.beginObject()
        json.key("groups")
        json.beginArray()
        for group in groups where isWanted(group) {
            let entries = group.entries.filter(isWanted)
            guard !entries.isEmpty else { continue }
            if limit > 0, written == limit {
                next = Self.token(of: group)
                break
            }
            RuleJSON.write(group, entries, manager, withoutAlerts: withoutAlerts, to: &json)
            written += 1
        }
        json.endArray()
        if let next { json.member("groupNextToken", next) }
        json.endObject()
        return json.bytes
    }

    private func isWanted(_ group: RuleGroup) -> Bool {
        (groupNames.isEmpty || groupNames.contains(group.definition.name))
            && (files.isEmpty || files.contains(group.definition.file))
    }

    private func isWanted(_ entry: RuleGroup.Entry) -> Bool {
        (type.isEmpty || (type == "alert") == (entry.definition.kind == .alerting))
            && (names.isEmpty || names.contains(entry.definition.name))
            && (selectors.isEmpty || matches(entry.definition))
    }

    /// Whether the labels that a rule adds match one of the selectors.
    private func matches(_ definition: RuleDefinition) -> Bool {
        let labels = Labels(definition.labels.map { ($0.name, $0.value) })
        return selectors.contains { $0.allSatisfy { $0.matches(labels) } }
    }

    private static func token(of group: RuleGroup) -> String {
        let digest = Insecure.SHA1.hash(data: Array("\(group.definition.file);\(group.definition.name)".utf8))
        return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
