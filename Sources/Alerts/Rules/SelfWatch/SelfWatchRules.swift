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
              - alert: RuleFilesBroken
                expr: sidecar_rule_files_broken > 0
                labels: {severity: warning}
                annotations:
                  summary: "{{ $value | printf \\"%.0f\\" }} rule files cannot be used"
                  description: Their rules go on as they were, or not at all after a restart; the others are not affected.
                  runbook_url: RUNBOOKS#rulefilesbroken
              - alert: AlertsDropped
                expr: sidecar_rule_alerts_dropped > 0
                labels: {severity: warning}
                annotations:
                  summary: "{{ $value | printf \\"%.0f\\" }} alerts are kept out by a limit"
                  description: What fired first stays, new alerts of the same rule are not told. /api/v1/rules names the rule.
                  runbook_url: RUNBOOKS#alertsdropped
              - alert: AlertStatesNotSaved
                expr: increase(sidecar_rule_state_failures_total[5m]) > 0
                labels: {severity: warning}
                annotations:
                  summary: The alerts' states cannot be written
                  description: Alerts go on in memory; a restart would forget what changed since.
                  runbook_url: RUNBOOKS#alertstatesnotsaved
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
                  max by (integration) (sidecar_notification_failures_in_a_row) >= 3
                  or delta(sidecar_outbox_dead_letters[5m]) > 0
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
