//! Who may do what: account, role, binding, and who may reach the service.
//!
//! In: a service. Out: one YAML document for each function.

use super::Service;

impl Service<'_> {
    pub(super) fn service_account(&self) -> String {
        self.head("v1", "ServiceAccount") + "automountServiceAccountToken: false\n"
    }

    pub(super) fn role(&self) -> String {
        let Self { name, .. } = self;
        self.head("rbac.authorization.k8s.io/v1", "Role")
            + &format!(
                "rules:
  - apiGroups: [\"\"]
    resources: [configmaps]
    resourceNames: [{name}]
    verbs: [get, watch]
"
            )
    }

    pub(super) fn role_binding(&self) -> String {
        let Self { name, namespace, .. } = self;
        self.head("rbac.authorization.k8s.io/v1", "RoleBinding")
            + &format!(
                "roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {name}
subjects:
  - kind: ServiceAccount
    name: {name}
    namespace: {namespace}
"
            )
    }

    pub(super) fn network_policy(&self) -> String {
        let Self { name, .. } = self;
        // The first service of the set is called by all others, so that none is without a caller.
        let caller = match &self.caller {
            Some(caller) => format!("app.kubernetes.io/name: {caller}"),
            None => "app.kubernetes.io/part-of: services".to_owned(),
        };
        self.head("networking.k8s.io/v1", "NetworkPolicy")
            + &format!(
                "spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: {name}
  policyTypes: [Ingress]
  ingress:
    - from:
        - podSelector:
            matchLabels:
              {caller}
      ports:
        - protocol: TCP
          port: http
"
            )
    }
}
