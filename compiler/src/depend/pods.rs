//! What the pod template of a workload needs: ConfigMaps, Secrets and whoever makes them, a ServiceAccount and its
//! rights, claims and classes.
//!
//! Optional references make no edge: the pod starts without them. A claim is awaited as present, never as bound,
//! since many storage classes bind only once a pod asks.

use crate::canon::Value;
use crate::manifest::{Manifest, pod_spec_path};

use super::reference::{Target, visit_below};
use super::{Index, Rule, Sink, State, Strength};

pub(super) const CONFIG: Rule = Rule { name: "pod-config", version: 1, reason: "its pods read it" };
pub(super) const SERVICE_ACCOUNT: Rule = Rule { name: "pod-service-account", version: 1, reason: "its pods run as it" };
/// A bare Pod is rejected outright without its ServiceAccount; a workload's controller tries again.
pub(super) const SERVICE_ACCOUNT_OF_POD: Rule =
    Rule { name: "bare-pod-service-account", version: 1, reason: "it is refused without it" };
pub(super) const CLAIM: Rule = Rule { name: "pod-claim", version: 1, reason: "its pods mount it" };
pub(super) const BINDING: Rule =
    Rule { name: "pod-rights", version: 1, reason: "its ServiceAccount gets its rights from it" };
pub(super) const GOVERNING_SERVICE: Rule =
    Rule { name: "governing-service", version: 1, reason: "its pods get their names from it" };
pub(super) const PRODUCER: Rule =
    Rule { name: "pod-secret-producer", version: 1, reason: "it makes the Secret that its pods read" };
pub(super) const VOLUME_SECRET: Rule =
    Rule { name: "pod-volume-secret", version: 1, reason: "its pods mount a volume with it" };
pub(super) const CLASS: Rule = Rule { name: "pod-class", version: 1, reason: "its pods are of that class" };
/// As with the ServiceAccount, admission rejects a bare Pod of a class that is not there.
pub(super) const CLASS_OF_POD: Rule =
    Rule { name: "bare-pod-class", version: 1, reason: "it is refused without that class" };
pub(super) const RESOURCE_CLAIM: Rule =
    Rule { name: "pod-resource-claim", version: 1, reason: "its pods claim devices with it" };
pub(super) const TRUST_BUNDLE: Rule =
    Rule { name: "pod-trust-bundle", version: 1, reason: "its pods trust what is in it" };
pub(super) const STORAGE_CLASS: Rule =
    Rule { name: "pod-storage-class", version: 1, reason: "the volumes of its pods are of that class" };

const RESOURCES: &str = "resource.k8s.io";

/// Further references of a pod spec, each of them soft: a pod without what they name stays pending, and starts later.
const REFERENCES: [(&str, Target<'static>, Rule); 13] = [
    ("resourceClaims[*].resourceClaimName", Target::Beside(RESOURCES, "ResourceClaim"), RESOURCE_CLAIM),
    ("resourceClaims[*].resourceClaimTemplateName", Target::Beside(RESOURCES, "ResourceClaimTemplate"), RESOURCE_CLAIM),
    (
        "volumes[*].ephemeral.volumeClaimTemplate.spec.storageClassName",
        Target::Cluster("storage.k8s.io", "StorageClass"),
        STORAGE_CLASS,
    ),
    (
        "volumes[*].ephemeral.volumeClaimTemplate.spec.volumeAttributesClassName",
        Target::Cluster("storage.k8s.io", "VolumeAttributesClass"),
        STORAGE_CLASS,
    ),
    (
        "volumes[*].projected.sources[*].clusterTrustBundle",
        Target::Object("certificates.k8s.io", "ClusterTrustBundle"),
        TRUST_BUNDLE,
    ),
    ("volumes[*].azureFile.secretName", Target::Beside("", "Secret"), VOLUME_SECRET),
    ("volumes[*].cephfs.secretRef.name", Target::Beside("", "Secret"), VOLUME_SECRET),
    ("volumes[*].cinder.secretRef.name", Target::Beside("", "Secret"), VOLUME_SECRET),
    ("volumes[*].flexVolume.secretRef.name", Target::Beside("", "Secret"), VOLUME_SECRET),
    ("volumes[*].iscsi.secretRef.name", Target::Beside("", "Secret"), VOLUME_SECRET),
    ("volumes[*].rbd.secretRef.name", Target::Beside("", "Secret"), VOLUME_SECRET),
    ("volumes[*].scaleIO.secretRef.name", Target::Beside("", "Secret"), VOLUME_SECRET),
    ("volumes[*].storageos.secretRef.name", Target::Beside("", "Secret"), VOLUME_SECRET),
];

pub(super) fn infer(manifest: &Manifest, index: &Index<'_>, sink: &mut Sink<'_>) {
    let Some(path) = pod_spec_path(&manifest.key) else { return };
    let Some(spec) = manifest.body.at(path) else { return };
    let mut references = References { manifest, index, sink, prefix: path.join(".") };
    references.containers(spec);
    references.volumes(spec);
    references.image_pull_secrets(spec);
    references.service_account(spec);
    references.classes(spec);
    for (path, target, rule) in REFERENCES {
        visit_below(&references.prefix, spec, path, &mut |value, trail| {
            let to = target.resolve(value, &manifest.key.scope, index);
            references.sink.add_at(to, State::Present, Strength::Soft, rule, || trail.to_string());
        });
    }
    if manifest.key.is("apps", "StatefulSet") {
        if let Some(name) = manifest.body.at(&["spec", "serviceName"]).and_then(Value::as_str) {
            references.add("", "Service", name, GOVERNING_SERVICE, "spec.serviceName".to_owned());
        }
        references.claims_by_template();
    }
}

struct References<'a, 'b> {
    manifest: &'a Manifest,
    index: &'a Index<'a>,
    sink: &'a mut Sink<'b>,
    prefix: String,
}

impl References<'_, '_> {
    fn add(&mut self, group: &str, kind: &str, name: &str, rule: Rule, field: String) {
        let scope = &self.manifest.key.scope;
        let to = self.index.beside(scope, group, kind, name);
        if to.is_none() && self.index.nothing_makes(scope, kind, name) {
            self.sink.miss(kind, name, || field.clone());
        }
        self.sink.add(to, State::Present, Strength::Soft, rule, field);
    }

    /// A reference as Kubernetes writes it, an object with `name` (or another field) and perhaps `optional: true`.
    fn config(&mut self, kind: &str, reference: Option<&Value>, name_field: &str, field: String) {
        let Some(reference) = reference.filter(|_| !self.sink.edges.is_full()) else { return };
        let optional = reference.get("optional").and_then(Value::as_bool) == Some(true);
        if let (Some(name), false) = (reference.get(name_field).and_then(Value::as_str), optional) {
            if kind == "Secret" {
                for producer in self.index.producers_of(&self.manifest.key.scope, name) {
                    self.sink.add_at(Some(*producer), State::Ready, Strength::Soft, PRODUCER, || field.clone());
                }
            }
            self.add("", kind, name, CONFIG, field);
        }
    }

    fn containers(&mut self, spec: &Value) {
        for list in ["containers", "initContainers", "ephemeralContainers"] {
            for container in spec.get(list).map(Value::items).unwrap_or_default() {
                let place = format!("{}.{list}[{}]", self.prefix, name_of(container));
                for variable in container.get("env").map(Value::items).unwrap_or_default() {
                    let field = format!("{place}.env[{}]", name_of(variable));
                    self.config("ConfigMap", variable.at(&["valueFrom", "configMapKeyRef"]), "name", field.clone());
                    self.config("Secret", variable.at(&["valueFrom", "secretKeyRef"]), "name", field);
                }
                for source in container.get("envFrom").map(Value::items).unwrap_or_default() {
                    self.config("ConfigMap", source.get("configMapRef"), "name", format!("{place}.envFrom"));
                    self.config("Secret", source.get("secretRef"), "name", format!("{place}.envFrom"));
                }
            }
        }
    }

    fn volumes(&mut self, spec: &Value) {
        for volume in spec.get("volumes").map(Value::items).unwrap_or_default() {
            let place = format!("{}.volumes[{}]", self.prefix, name_of(volume));
            self.config("ConfigMap", volume.get("configMap"), "name", place.clone());
            self.config("Secret", volume.get("secret"), "secretName", place.clone());
            self.config("Secret", volume.at(&["csi", "nodePublishSecretRef"]), "name", place.clone());
            for source in volume.at(&["projected", "sources"]).map(Value::items).unwrap_or_default() {
                self.config("ConfigMap", source.get("configMap"), "name", place.clone());
                self.config("Secret", source.get("secret"), "name", place.clone());
            }
            if let Some(claim) = volume.at(&["persistentVolumeClaim", "claimName"]).and_then(Value::as_str) {
                self.add("", "PersistentVolumeClaim", claim, CLAIM, place);
            }
        }
    }

    /// A StatefulSet takes claims that are there already, where they have the names that it would give to its own.
    fn claims_by_template(&mut self) {
        let Manifest { key, body, origin: _ } = self.manifest;
        for template in body.at(&["spec", "volumeClaimTemplates"]).map(Value::items).unwrap_or_default() {
            let Some(name) = template.at(&["metadata", "name"]).and_then(Value::as_str) else { continue };
            let prefix = format!("{name}-{}-", key.name);
            for claim in self.index.numbered(&key.scope, "", "PersistentVolumeClaim", &prefix) {
                let field = || format!("spec.volumeClaimTemplates[{name}]");
                self.sink.add_at(Some(claim), State::Present, Strength::Soft, CLAIM, field);
            }
        }
    }

    fn image_pull_secrets(&mut self, spec: &Value) {
        for reference in spec.get("imagePullSecrets").map(Value::items).unwrap_or_default() {
            self.config("Secret", Some(reference), "name", format!("{}.imagePullSecrets", self.prefix));
        }
    }

    fn service_account(&mut self, spec: &Value) {
        let named = |field: &str| spec.get(field).and_then(Value::as_str).filter(|name| !name.is_empty());
        let Some(name) = named("serviceAccountName").or_else(|| named("serviceAccount")) else { return };
        let field = format!("{}.serviceAccountName", self.prefix);
        let scope = &self.manifest.key.scope;
        let to = self.index.beside(scope, "", "ServiceAccount", name);
        // Every namespace has that one.
        if to.is_none() && name != "default" {
            self.sink.miss("ServiceAccount", name, || field.clone());
        }
        if self.manifest.key.is("", "Pod") {
            self.sink.add(to, State::Present, Strength::Hard, SERVICE_ACCOUNT_OF_POD, field.clone());
        } else {
            self.sink.add(to, State::Present, Strength::Soft, SERVICE_ACCOUNT, field.clone());
        }
        for binding in self.index.bindings_of(scope, name) {
            self.sink.add(Some(*binding), State::Present, Strength::Soft, BINDING, field.clone());
        }
    }

    fn classes(&mut self, spec: &Value) {
        let bare = self.manifest.key.is("", "Pod");
        let (strength, rule) = if bare { (Strength::Hard, CLASS_OF_POD) } else { (Strength::Soft, CLASS) };
        for (field, group, kind) in [
            ("priorityClassName", "scheduling.k8s.io", "PriorityClass"),
            ("runtimeClassName", "node.k8s.io", "RuntimeClass"),
        ] {
            let to = spec.get(field).and_then(Value::as_str).and_then(|name| self.index.cluster(group, kind, name));
            self.sink.add_at(to, State::Present, strength, rule, || format!("{}.{field}", self.prefix));
        }
    }
}

fn name_of(item: &Value) -> &str {
    item.get("name").and_then(Value::as_str).unwrap_or("?")
}
