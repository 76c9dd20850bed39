//! Objects of others in the namespace of an application: of many kinds, some with names or labels that it uses, too.

/// Namespaced, so that they go with the namespace. What controllers write to once is among them; what they write to all
/// the time is not: nobody could tell their writes from ours.
pub(crate) const OBJECTS: &str = r#"
{apiVersion: v1, kind: ConfigMap, metadata: {name: frontend, labels: {app: frontend}}, data: {owner: somebody}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: of-another-set, labels: {applyset.kubernetes.io/part-of: applyset-of-somebody-v1}}
data: {owner: somebody}
---
{apiVersion: v1, kind: Secret, metadata: {name: frontend}, stringData: {owner: somebody}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: somebody}}
---
{apiVersion: v1, kind: Service, metadata: {name: somebody}, spec: {selector: {app: somebody}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: frontend, labels: {app: nobody}}, spec: {containers: [{name: a, image: a}]}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: somebody}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: somebody}
spec:
  selector: {matchLabels: {app: somebody}}
  template: {metadata: {labels: {app: somebody}}, spec: {containers: [{name: a, image: a}]}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: frontend}
spec: {defaultBackend: {service: {name: frontend, port: {number: 80}}}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: frontend}, spec: {podSelector: {}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: frontend}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: frontend}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: frontend}
subjects: [{kind: ServiceAccount, name: default}]
"#;

/// How many there are.
pub(crate) fn count() -> usize {
    OBJECTS.split("---").count()
}
