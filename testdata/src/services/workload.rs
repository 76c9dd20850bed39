//! What runs: the Deployment and the objects that it reads, is reached by, or is scaled by.
//!
//! In: a service. Out: one YAML document for each function.

use super::Service;

impl Service<'_> {
    pub(super) fn config_map(&self) -> String {
        let Self { name, revision, .. } = self;
        let upstream = self.caller.as_deref().unwrap_or("nobody");
        self.head("v1", "ConfigMap")
            + &format!(
                "data:
  LOG_LEVEL: info
  CALLED_BY: {upstream}
  revision: \"{revision}\"
  application.properties: |
    server.port=8080
    server.name={name}
    pool.size=16
"
            )
    }

    pub(super) fn secret(&self) -> String {
        // `username: service`, `password: not-a-secret`.
        self.head("v1", "Secret")
            + "type: Opaque
data:
  username: c2VydmljZQ==
  password: bm90LWEtc2VjcmV0
"
    }

    pub(super) fn service(&self) -> String {
        let Self { name, .. } = self;
        self.head("v1", "Service")
            + &format!(
                "spec:
  selector:
    app.kubernetes.io/name: {name}
  ports:
    - name: http
      port: 80
      targetPort: http
"
            )
    }

    pub(super) fn deployment(&self) -> String {
        let Self { name, .. } = self;
        self.head("apps/v1", "Deployment")
            + &format!(
                "spec:
  replicas: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: {name}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: {name}
        app.kubernetes.io/part-of: services
    spec:
      serviceAccountName: {name}
      containers:
        - name: server
          image: registry.example.com/{name}:1.0.0
          ports:
            - name: http
              containerPort: 8080
          envFrom:
            - configMapRef:
                name: {name}
          env:
            - name: PASSWORD
              valueFrom:
                secretKeyRef:
                  name: {name}
                  key: password
          readinessProbe:
            httpGet:
              path: /healthz
              port: http
          resources:
            requests:
              cpu: 10m
              memory: 16Mi
            limits:
              memory: 64Mi
          volumeMounts:
            - name: configuration
              mountPath: /etc/service
              readOnly: true
      volumes:
        - name: configuration
          configMap:
            name: {name}
"
            )
    }

    pub(super) fn pod_disruption_budget(&self) -> String {
        let Self { name, .. } = self;
        self.head("policy/v1", "PodDisruptionBudget")
            + &format!(
                "spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: {name}
"
            )
    }

    pub(super) fn horizontal_pod_autoscaler(&self) -> String {
        let Self { name, .. } = self;
        self.head("autoscaling/v2", "HorizontalPodAutoscaler")
            + &format!(
                "spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {name}
  minReplicas: 1
  maxReplicas: 3
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: 80
"
            )
    }
}
