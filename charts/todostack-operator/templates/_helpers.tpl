{{- define "todostack-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Release `todostack` makes `todostack-operator`, release `x` makes `x-todostack-operator`. */}}
{{- define "todostack-operator.fullname" -}}
{{- $name := include "todostack-operator.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if hasPrefix .Release.Name $name -}}
{{- $name }}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "todostack-operator.selector" -}}
app.kubernetes.io/name: {{ include "todostack-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Not `managed-by=todostack-operator`: that is what the operator's own children bear. */}}
{{- define "todostack-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "todostack-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: todostack
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "todostack-operator.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "todostack-operator.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{- required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end -}}
{{- end }}

{{/* Takes a dict of image and context. */}}
{{- define "todostack-operator.image" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest }}
{{- else -}}
{{- printf "%s:%s" .image.repository (default .context.Chart.AppVersion .image.tag) }}
{{- end -}}
{{- end }}

{{/* What the operator may do where it watches. */}}
{{- define "todostack-operator.rules" -}}
# Our own types.
- apiGroups: [todostack.dev]
  resources: [todostacks, recurringschedules]
  verbs: [get, list, watch, patch]
- apiGroups: [todostack.dev]
  resources: [reminderjobs]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [todostack.dev]
  resources: [todostacks/status, recurringschedules/status, reminderjobs/status]
  verbs: [get, patch]
# To be named as the owner of what they own.
- apiGroups: [todostack.dev]
  resources: [todostacks/finalizers, recurringschedules/finalizers, reminderjobs/finalizers]
  verbs: [update]
# What a stack consists of.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
# Of stacks with `networkPolicy.enabled` and with `gateway.ingress`.
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies, ingresses]
  verbs: [get, list, watch, create, patch, delete]
# Of stacks with `gateway.httpRoute`, where the cluster has the Gateway API.
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, watch, create, patch, delete]
# Of roles that may have more than one pod: drains of nodes take them one by one.
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
# Of roles with `autoscaling`.
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services, serviceaccounts]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [rbac.authorization.k8s.io]
  resources: [roles, rolebindings]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [dapr.io]
  resources: [components, configurations, resiliencies, subscriptions]
  verbs: [get, list, watch, create, patch, delete]
# The stack's keys are made; those that the spec refers to are read. Secrets are never deleted.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch]
# Pods that Dapr gave no sidecar are replaced.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
