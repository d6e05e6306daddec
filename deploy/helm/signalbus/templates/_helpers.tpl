{{/* Labels of everything; the argument is a list of the root and a component. */}}
{{- define "signalbus.labels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: signalbus
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{- end }}

{{/* What selects the pods of a component, and never changes. */}}
{{- define "signalbus.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: signalbus
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "signalbus.image" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- $digest := index . 2 -}}
{{- if $digest -}}
{{ $root.Values.image.registry }}/{{ $name }}@{{ $digest }}
{{- else -}}
{{ $root.Values.image.registry }}/{{ $name }}:{{ $root.Values.image.tag | default $root.Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* A variable from a Secret: a list of its name, and the reference. Nothing without a reference. */}}
{{- define "signalbus.secret" -}}
{{- $reference := index . 1 -}}
{{- if $reference }}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ $reference.name }}
      key: {{ $reference.key }}
{{- end }}
{{- end }}

{{- define "signalbus.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "signalbus.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
