{{/* The configuration file. Helm renders templates in any order, so each that reads it checks the values first. */}}
{{- define "exporter.config" -}}
{{- include "exporter.validate" . -}}
{{- include "exporter.configFile" . -}}
{{- end -}}

{{/*
`config`, with the secrets of a single app and the callback URL of the Ingress where it does not name them.
*/}}
{{- define "exporter.configFile" -}}
{{- $config := deepCopy .Values.config -}}
{{- $webhook := $config.webhook | default dict -}}
{{- $files := dict "access_token" "access-token" -}}
{{- if include "exporter.hasWebhooks" . -}}
{{- $files = merge $files (dict "app_secret" "app-secret" "webhook_verify_token" "verify-token") -}}
{{- end -}}
{{- if eq (len $config.apps) 1 -}}
{{- $app := first $config.apps -}}
{{- range $key, $file := $files -}}
{{- if not (get $app (printf "%s_file" $key)) -}}
{{- $_ := set $app (printf "%s_file" $key) (printf "/etc/whatsapp-business-exporter/secrets/%s" $file) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.ingress.webhook.enabled (not $webhook.callback_url) -}}
{{- $_ := set $webhook "callback_url" (printf "https://%s%s" .Values.ingress.webhook.host (include "exporter.webhookPath" .)) -}}
{{- $_ := set $config "webhook" $webhook -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* "true" unless the configuration disables webhooks. */}}
{{- define "exporter.hasWebhooks" -}}
{{- if ne (get (.Values.config.webhook | default dict) "enabled" | toString) "false" -}}true{{- end -}}
{{- end -}}

{{/* The path of webhooks. */}}
{{- define "exporter.webhookPath" -}}
{{- get (.Values.config.webhook | default dict) "path" | default "/webhook" -}}
{{- end -}}

{{/* The ports of the servers in the URL of PostgreSQL, as a JSON list. */}}
{{- define "exporter.databasePorts" -}}
{{- $url := regexReplaceAll "^[a-z]+://([^/?@]*@)?" (.Values.config.store.url | toString) "" -}}
{{- $ports := list -}}
{{- range $host := regexReplaceAll "[/?].*$" $url "" | splitList "," -}}
{{- $ports = append $ports (regexFind ":[0-9]+$" $host | trimPrefix ":" | default "5432" | int) -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}
