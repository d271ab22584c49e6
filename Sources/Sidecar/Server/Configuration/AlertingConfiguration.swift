// SPDX-License-Identifier: Apache-2.0

package import Notifications
package import Scraping
package import YAMLDocument

/// `alerting:` — the Alertmanagers that alerts are forwarded to, in Prometheus's words.
package struct AlertingConfiguration: Sendable {
    package var endpoints: [AlertmanagerEndpoint] = []
    /// What is done to labels before an alert is forwarded, after the external labels were added.
    package var relabelRules: [RelabelRule] = []

    package init() {}

    package init(
        _ reader: YAMLMappingReader,
        environment: NotificationDecoder.Environment,
        relabelRule: (YAMLMappingReader) -> RelabelRule?
    ) {
        relabelRules = (reader.mappings("alert_relabel_configs") ?? []).compactMap(relabelRule)
        endpoints = NotificationDecoder.endpoints(reader, environment: environment)
    }
}
