// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// What Slack's incoming webhooks accept, by their documentation: an object with text, attachments or blocks, members of
/// the right types, at most 100 attachments; anything else is `invalid_payload` or `no_text`.
enum SlackRules {
    static func answer(_ request: RecordedRequest) -> HTTPAnswer {
        if let problem = problem(request) { return HTTPAnswer(400, problem) }
        return HTTPAnswer(200, "ok")
    }

    static func problem(_ request: RecordedRequest) -> String? {
        guard request.method == "POST", request.target.hasPrefix("/services/") else { return "no_service" }
        guard request.header("content-type")?.hasPrefix("application/json") == true,
            let body = try? JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any]
        else { return "invalid_payload" }
        let attachments = body["attachments"] as? [[String: Any]] ?? []
        if body["attachments"] != nil, body["attachments"] as? [[String: Any]] == nil { return "invalid_attachments" }
        if attachments.count > 100 { return "too_many_attachments" }
        let texts = ["text", "username", "channel", "icon_emoji", "icon_url"]
        if texts.contains(where: { body[$0] != nil && !(body[$0] is String) }) { return "invalid_payload" }
        let attachmentTexts = [
            "fallback", "color", "pretext", "author_name", "title", "title_link", "text", "image_url", "thumb_url",
            "footer",
        ]
        for attachment in attachments {
            if attachmentTexts.contains(where: { attachment[$0] != nil && !(attachment[$0] is String) }) {
                return "invalid_attachments"
            }
            if let color = attachment["color"] as? String, !["good", "warning", "danger"].contains(color),
                color.range(of: "^#[0-9a-fA-F]{6}$", options: .regularExpression) == nil
            {
                return "invalid_color"
            }
            for field in attachment["fields"] as? [[String: Any]] ?? []
            where !(field["title"] is String) || !(field["value"] is String)
                || field["short"] != nil && !(field["short"] is Bool)
            {
                return "invalid_field"
            }
        }
        let hasText = (body["text"] as? String)?.isEmpty == false
        return hasText || !attachments.isEmpty || body["blocks"] != nil ? nil : "no_text"
    }
}

/// What PagerDuty's Events API v2 accepts, by its documentation.
enum PagerDutyRules {
    static func answer(_ request: RecordedRequest) -> HTTPAnswer {
        let json = [(name: "Content-Type", value: "application/json")]
        if let problem = problem(request) {
            let body = #"{"status":"invalid event","message":"Event object is invalid","errors":["\#(problem)"]}"#
            return HTTPAnswer(400, body, headers: json)
        }
        return HTTPAnswer(202, #"{"status":"success","message":"Event processed","dedup_key":"k"}"#, headers: json)
    }

    static func problem(_ request: RecordedRequest) -> String? {
        guard request.method == "POST", request.target == "/v2/enqueue" else { return "not found" }
        guard request.body.count <= 512 << 10 else { return "the event is larger than 512 KB" }
        guard let event = try? JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any] else {
            return "not JSON"
        }
        guard (event["routing_key"] as? String)?.utf8.count == 32 else { return "'routing_key' is invalid" }
        guard let action = event["event_action"] as? String, ["trigger", "acknowledge", "resolve"].contains(action)
        else {
            return "'event_action' is invalid"
        }
        let key = event["dedup_key"] as? String
        if (key?.utf8.count ?? 0) > 255 { return "'dedup_key' is too long" }
        if action != "trigger" { return key?.isEmpty == false ? nil : "'dedup_key' is missing" }
        guard let payload = event["payload"] as? [String: Any] else { return "'payload' is missing" }
        guard let summary = payload["summary"] as? String, !summary.isEmpty, summary.count <= 1024 else {
            return "'payload.summary' is missing or too long"
        }
        guard (payload["source"] as? String)?.isEmpty == false else { return "'payload.source' is missing or blank" }
        guard let severity = payload["severity"] as? String,
            ["critical", "error", "warning", "info"].contains(severity)
        else { return "'payload.severity' is invalid" }
        for link in event["links"] as? [[String: Any]] ?? [] where !(link["href"] is String) {
            return "'links.href' is missing"
        }
        for image in event["images"] as? [[String: Any]] ?? [] where !(image["src"] is String) {
            return "'images.src' is missing"
        }
        return nil
    }
}
