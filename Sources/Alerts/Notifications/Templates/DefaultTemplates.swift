// SPDX-License-Identifier: Apache-2.0

/// The definitions that receivers use by default. The names are Alertmanager's, because people's own templates call
/// them; the texts are ours.
enum DefaultTemplates {
    static let text = #"""
        {{- define "__alertmanager" }}sidecar{{ end -}}
        {{- define "__alertmanagerURL" }}{{ .ExternalURL }}/{{ end -}}
        {{- define "__subject" }}[{{ .Status | toUpper }}{{ if eq .Status "firing" }}:{{ len .Alerts.Firing }}{{ end }}] {{ .GroupLabels.SortedPairs.Values | join " " }}{{ with .CommonLabels.Remove .GroupLabels.Names }} ({{ .Values | join " " }}){{ end }}{{ end -}}
        {{- define "__description" }}{{ end -}}
        {{- define "__text_alert_list" }}{{ range . }}Labels:
        {{ range .Labels.SortedPairs }} - {{ .Name }} = {{ .Value }}
        {{ end }}Annotations:
        {{ range .Annotations.SortedPairs }} - {{ .Name }} = {{ .Value }}
        {{ end }}{{ if .Value }}Value: {{ .Value }}
        {{ end }}Source: {{ .GeneratorURL }}
        {{ end }}{{ end -}}
        {{- define "__text_alert_list_markdown" }}{{ range . }}{{ template "__text_alert_list" (list .) }}{{ end }}{{ end -}}
        {{- define "slack.default.title" }}{{ template "__subject" . }}{{ end -}}
        {{- define "slack.default.username" }}{{ template "__alertmanager" . }}{{ end -}}
        {{- define "slack.default.fallback" }}{{ template "slack.default.title" . }} | {{ template "slack.default.titlelink" . }}{{ end -}}
        {{- define "slack.default.callbackid" }}{{ end -}}
        {{- define "slack.default.pretext" }}{{ end -}}
        {{- define "slack.default.titlelink" }}{{ template "__alertmanagerURL" . }}{{ end -}}
        {{- define "slack.default.iconemoji" }}{{ end -}}
        {{- define "slack.default.iconurl" }}{{ end -}}
        {{- define "slack.default.text" }}{{ range .Alerts }}{{ .Annotations.summary }}{{ if .Value }} (value {{ .Value }}){{ end }}
        {{ end }}{{ end -}}
        {{- define "slack.default.footer" }}{{ end -}}
        {{- define "pagerduty.default.description" }}{{ template "__subject" . }}{{ end -}}
        {{- define "pagerduty.default.client" }}{{ template "__alertmanager" . }}{{ end -}}
        {{- define "pagerduty.default.clientURL" }}{{ template "__alertmanagerURL" . }}{{ end -}}
        {{- define "pagerduty.default.instances" }}{{ template "__text_alert_list" . }}{{ end -}}
        {{- define "email.default.subject" }}{{ template "__subject" . }}{{ end -}}
        {{- define "email.default.text" }}{{ template "__subject" . }}

        {{ if .Alerts.Firing }}Firing:
        {{ template "__text_alert_list" .Alerts.Firing }}{{ end }}{{ if .Alerts.Resolved }}Resolved:
        {{ template "__text_alert_list" .Alerts.Resolved }}{{ end }}
        {{ template "__alertmanagerURL" . }}
        {{ end -}}
        {{- define "email.default.html" }}<!DOCTYPE html>
        <html><head><meta charset="utf-8"><title>{{ template "__subject" . }}</title></head>
        <body style="font-family: sans-serif">
        <h2>{{ template "__subject" . }}</h2>
        {{ range .Alerts }}<h3>{{ .Status | toUpper }}: {{ .Labels.alertname }}</h3>
        <p>{{ .Annotations.summary }}</p>
        <table>{{ range .Labels.SortedPairs }}<tr><th align="left">{{ .Name }}</th><td>{{ .Value }}</td></tr>{{ end }}
        {{ range .Annotations.SortedPairs }}<tr><th align="left">{{ .Name }}</th><td>{{ .Value }}</td></tr>{{ end }}</table>
        <p><a href="{{ .GeneratorURL }}">Source</a></p>
        {{ end }}<p><a href="{{ template "__alertmanagerURL" . }}">Sent by {{ template "__alertmanager" . }}</a></p>
        </body></html>
        {{ end -}}
        """#
}
