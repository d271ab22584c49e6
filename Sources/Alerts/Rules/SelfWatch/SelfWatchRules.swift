// SPDX-License-Identifier: Apache-2.0

import PromQL
import YAMLDocument

/// Rules that watch the sidecar itself and are always there: nobody has to write them, nobody can forget them.
package enum SelfWatchRules {
    /// The path that the group's alerts carry; no file on disk.
    package static let path = "built-in"

    /// The group, ready to be loaded with the others. `runbooks` is what anchors are appended to.
    package static func group(runbooks: String = "docs/runbooks/self.md") -> RuleGroupDefinition? {
        let text = source.replacing("RUNBOOKS", with: runbooks)
        return RuleFile.parse(text, path: path, problems: YAMLProblems())?.groups.first
    }

    /// In the format of rule files, for reading and for `rules export`.
    package static let source = """
        groups:
          - name: sidecar
            rules:
              - alert: Watchdog
                expr: vector(1)
                labels: {severity: none}
                annotations:
                  summary: The way from rules to people works
                  description: This alert always fires. Send it to something that complains when it stops coming.
                  runbook_url: RUNBOOKS#watchdog
              - alert: RuleEvaluationLate
                expr: increase(sidecar_rule_iterations_missed_total[5m]) > 3 or increase(sidecar_ticks_missed_total[5m]) > 10
                for: 1m
                labels: {severity: warning}
                annotations:
                  summary: "{{ $value | printf \\"%.0f\\" }} iterations were skipped in five minutes"
                  description: Rules are evaluated later than they should; alerts come late.
                  runbook_url: RUNBOOKS#ruleevaluationlate
              - alert: RuleEvaluationFailing
                expr: increase(sidecar_rule_evaluation_failures_total[5m]) > 0
                for: 1m
                labels: {severity: warning}
                annotations:
                  summary: Rules cannot be evaluated
                  description: Alerts of a failing rule are frozen. The rules page and /api/v1/rules show the error.
                  runbook_url: RUNBOOKS#ruleevaluationfailing
              - alert: ConfigReloadFailed
                expr: sidecar_config_last_reload_successful == 0
                labels: {severity: warning}
                annotations:
                  summary: The configuration could not be reloaded
                  description: The sidecar goes on with the last good configuration. The log and /api/v1/status name file and line.
                  runbook_url: RUNBOOKS#configreloadfailed
              - alert: SeriesDropped
                expr: sum by (reason) (increase(sidecar_store_samples_refused_total[5m])) > 0
                for: 1m
                labels: {severity: warning}
                annotations:
                  summary: "{{ $value | printf \\"%.0f\\" }} samples were refused in five minutes ({{ $labels.reason }})"
                  description: The store is at a limit, or a target sends what cannot be stored.
                  runbook_url: RUNBOOKS#seriesdropped
              - alert: NotificationsFailing
                expr: >-
                  sum by (integration) (increase(sidecar_notifications_failed_total[5m])) > 0
                  or sum by (integration) (increase(sidecar_notification_requests_failed_total[5m])) > 5
                labels: {severity: critical}
                annotations:
                  summary: "Notifications through {{ $labels.integration }} fail"
                  description: What was accepted is kept and tried again; see the outbox for what waits and why.
                  runbook_url: RUNBOOKS#notificationsfailing
              - alert: StorageMemoryOnly
                expr: sidecar_storage_memory_only == 1
                labels: {severity: warning}
                annotations:
                  summary: The data directory cannot be used
                  description: Alert states, silences and samples do not survive a restart.
                  runbook_url: RUNBOOKS#storagememoryonly
        """
}
