{{/* Fails with the value to change if the values cannot work together. */}}
{{- define "exporter.validate" -}}
{{- $config := .Values.config -}}
{{- $store := $config.store | default dict -}}
{{- $trackers := $config.trackers | default dict -}}
{{- $isCluster := include "exporter.isCluster" . -}}
{{- if and (gt (int .Values.replicaCount) 1) (not $isCluster) -}}
{{- fail (printf "replicaCount is %v, but SQLite has one writer. Set config.store.url to postgres://..., or replicaCount to 1." .Values.replicaCount) -}}
{{- end -}}
{{- if and $isCluster (not $trackers.key_file) -}}
{{- fail "config.store.url is PostgreSQL, which needs a key for customers' ids. Set config.trackers.key_file to /etc/whatsapp-business-exporter/secrets/customer-key, and add that key to the Secret." -}}
{{- end -}}
{{- if not $config.apps -}}
{{- fail "config.apps is empty. List your accounts, such as config.apps[0].accounts={800100200300401}." -}}
{{- end -}}
{{- range $section := list "web" "webhook" -}}
{{- if hasKey (get $config $section | default dict) "listen_address" -}}
{{- fail (printf "config.%s.listen_address cannot be changed, because probes and Services use the default ports. Remove it, and set service.port or service.publicPort." $section) -}}
{{- end -}}
{{- end -}}
{{- if ne (get ($config.web | default dict) "route_prefix" | default "/") "/" -}}
{{- fail "config.web.route_prefix would move the paths of probes and of Prometheus. Remove it, and set config.web.external_url, whose path is served too." -}}
{{- end -}}
{{- include "exporter.validateIds" . -}}
{{- include "exporter.validateSecrets" . -}}
{{- if .Values.ingress.webhook.enabled -}}
{{- if not .Values.ingress.webhook.host -}}
{{- fail "ingress.webhook.enabled needs a host name. Set ingress.webhook.host." -}}
{{- end -}}
{{- if not (include "exporter.hasWebhooks" .) -}}
{{- fail "ingress.webhook.enabled needs webhooks. Remove config.webhook.enabled, or set ingress.webhook.enabled to false." -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Helm reads numbers of values files as floating point, which rounds ids above 2^53. */}}
{{- define "exporter.validateIds" -}}
{{- range $index, $app := .Values.config.apps -}}
{{- range $key := list "accounts" "businesses" "app_id" -}}
{{- $ids := get $app $key -}}
{{- range $id := kindIs "slice" $ids | ternary $ids (list $ids) -}}
{{- if and (not (kindIs "string" $id)) (gt (float64 $id) 9007199254740991.0) -}}
{{- fail (printf "config.apps[%d].%s: Helm rounds numbers of this length. Write ids in quotes." $index $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "exporter.validateSecrets" -}}
{{- range $index, $app := .Values.config.apps -}}
{{- range $key := list "access_token" "app_secret" "app_secret_previous" "webhook_verify_token" -}}
{{- if hasKey $app $key -}}
{{- fail (printf "config.apps[%d].%s would be stored in a ConfigMap. Put it into the Secret, and set config.apps[%d].%s_file to its path below /etc/whatsapp-business-exporter/secrets." $index $key $index $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $section := list "trackers" "gate" -}}
{{- if hasKey (get $.Values.config $section | default dict) "token" -}}
{{- fail (printf "config.%s.token would be stored in a ConfigMap. Put it into the Secret, and set config.%s.token_file to its path below /etc/whatsapp-business-exporter/secrets." $section $section) -}}
{{- end -}}
{{- end -}}
{{- range $index, $receiver := (.Values.config.notify | default dict).webhooks -}}
{{- if hasKey $receiver "secret" -}}
{{- fail (printf "config.notify.webhooks[%d].secret would be stored in a ConfigMap. Put it into the Secret, and set config.notify.webhooks[%d].secret_file to its path below /etc/whatsapp-business-exporter/secrets." $index $index) -}}
{{- end -}}
{{- end -}}
{{- if regexMatch "^postgres(ql)?://[^/?@]*:[^/?@]*@" (get (.Values.config.store | default dict) "url" | toString) -}}
{{- fail "The password in config.store.url would be stored in a ConfigMap. Put it into the Secret, and set config.store.password_file to its path below /etc/whatsapp-business-exporter/secrets." -}}
{{- end -}}
{{- if and .Values.secret.existing .Values.secret.values -}}
{{- fail "secret.existing and secret.values are both set. Remove one of them." -}}
{{- end -}}
{{- if not (or .Values.secret.existing .Values.secret.values) -}}
{{- fail "There is no Secret. Set secret.existing to the name of a Secret with the keys access-token, app-secret and verify-token, or set secret.values." -}}
{{- end -}}
{{- if .Values.secret.values -}}
{{- range $path := regexFindAll "/etc/whatsapp-business-exporter/secrets/[A-Za-z0-9._-]+" (include "exporter.configFile" .) -1 -}}
{{- if not (hasKey $.Values.secret.values (base $path)) -}}
{{- fail (printf "secret.values has no %s, which the configuration reads as %s. Add it." (base $path) $path) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
