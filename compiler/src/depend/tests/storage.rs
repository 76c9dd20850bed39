//! Claims, volumes, snapshots, their classes and drivers.

use super::*;

const STORAGE: &str = "storage.k8s.io/v1";
const SNAPSHOTS: &str = "snapshot.storage.k8s.io/v1";

#[test]
fn a_claim_waits_for_its_class_its_volume_and_its_source() {
    let spec = json!({
        "storageClassName": "fast", "volumeName": "v", "volumeAttributesClassName": "gold",
        "dataSource": {"kind": "PersistentVolumeClaim", "name": "old"},
        "dataSourceRef": {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s", "namespace": "b"},
    });
    let documents = json!([
        resource("v1", "PersistentVolumeClaim", "a/new", spec),
        resource("v1", "PersistentVolumeClaim", "a/old", json!({})),
        resource("v1", "PersistentVolume", "v", json!({"storageClassName": "fast", "claimRef": {"name": "new"}})),
        resource(SNAPSHOTS, "VolumeSnapshot", "b/s", json!({})),
        object(STORAGE, "StorageClass", "fast"),
        object(STORAGE, "VolumeAttributesClass", "gold"),
    ]);
    insta::assert_snapshot!(whole_edges(documents).join("\n"), @r"
    PersistentVolume v -> StorageClass fast (storage-class) present soft [spec.storageClassName]
    PersistentVolumeClaim a/new -> PersistentVolume v (claim-volume) present soft [spec.volumeName]
    PersistentVolumeClaim a/new -> PersistentVolumeClaim a/old (claim-source) present soft [spec.dataSource]
    PersistentVolumeClaim a/new -> VolumeSnapshot b/s (claim-source) present soft [spec.dataSourceRef]
    PersistentVolumeClaim a/new -> StorageClass fast (storage-class) present soft [spec.storageClassName]
    PersistentVolumeClaim a/new -> VolumeAttributesClass gold (storage-class) present soft [spec.volumeAttributesClassName]
    ");
}

#[test]
fn a_source_of_another_namespace_or_group_is_not_meant() {
    let spec = json!({
        "storageClassName": "fast",
        "dataSource": {"kind": "PersistentVolumeClaim", "name": "old"},
        "dataSourceRef": {"apiGroup": "example.com", "kind": "VolumeSnapshot", "name": "s"},
    });
    let documents = json!([
        resource("v1", "PersistentVolumeClaim", "a/new", spec),
        resource("v1", "PersistentVolumeClaim", "b/old", json!({})),
        resource(SNAPSHOTS, "VolumeSnapshot", "a/s", json!({})),
        object("example.com/v1", "StorageClass", "fast"),
    ]);
    assert_eq!(edges(documents), NONE);
}

#[test]
fn a_stateful_set_waits_for_the_class_of_its_claims_and_its_service() {
    let templates = json!([{"metadata": {"name": "data"}, "spec": {"storageClassName": "fast"}}]);
    let spec = json!({"serviceName": "db", "volumeClaimTemplates": templates, "template": {"spec": {}}});
    let documents = json!([
        resource("apps/v1", "StatefulSet", "db", spec),
        object("v1", "Service", "db"),
        object(STORAGE, "StorageClass", "fast"),
        object(STORAGE, "StorageClass", "slow"),
    ]);
    assert_eq!(
        whole_edges(documents),
        [
            "StatefulSet db -> Service db (governing-service) present soft [spec.serviceName]",
            "StatefulSet db -> StorageClass fast (storage-class) present soft \
             [spec.volumeClaimTemplates[data].spec.storageClassName]",
        ]
    );
}

#[test]
fn a_class_waits_for_its_driver_and_its_secrets() {
    let mut class = object(STORAGE, "StorageClass", "fast");
    class["provisioner"] = "csi.example.com".into();
    class["parameters"] = json!({
        "csi.storage.k8s.io/provisioner-secret-name": "key", "csi.storage.k8s.io/provisioner-secret-namespace": "csi",
        "csi.storage.k8s.io/node-stage-secret-name": "${pvc.name}",
        "csi.storage.k8s.io/node-stage-secret-namespace": "csi",
    });
    let documents = json!([
        class,
        object(STORAGE, "CSIDriver", "csi.example.com"),
        resource("v1", "Secret", "csi/key", json!({})),
        resource("v1", "Secret", "other/key", json!({})),
    ]);
    assert_eq!(
        whole_edges(documents),
        [
            "StorageClass fast -> Secret csi/key (storage-secret) present soft \
             [parameters[csi.storage.k8s.io/provisioner-secret-name]]",
            "StorageClass fast -> CSIDriver csi.example.com (storage-driver) present soft [provisioner]",
        ]
    );
}

#[test]
fn a_secret_without_a_namespace_or_of_another_class_is_not_meant() {
    let mut class = object(STORAGE, "StorageClass", "fast");
    class["parameters"] = json!({"csi.storage.k8s.io/provisioner-secret-name": "key", "secret-name": "key"});
    let mut other = object("example.com/v1", "StorageClass", "fast");
    other["provisioner"] = "csi.example.com".into();
    let driver = object(STORAGE, "CSIDriver", "csi.example.com");
    assert_eq!(edges(json!([class, other, driver, object("v1", "Secret", "key")])), NONE);
}

#[test]
fn a_snapshot_waits_for_its_class_and_its_source() {
    let mut class = object(SNAPSHOTS, "VolumeSnapshotClass", "daily");
    class["driver"] = "csi.example.com".into();
    let taken = json!({"volumeSnapshotClassName": "daily", "source": {"persistentVolumeClaimName": "data"}});
    let given = json!({"source": {"volumeSnapshotContentName": "content"}});
    let documents = json!([
        class,
        object(STORAGE, "CSIDriver", "csi.example.com"),
        resource(SNAPSHOTS, "VolumeSnapshot", "a/taken", taken),
        resource(SNAPSHOTS, "VolumeSnapshot", "a/given", given),
        resource(SNAPSHOTS, "VolumeSnapshotContent", "content", json!({"volumeSnapshotRef": {"name": "given"}})),
        resource("v1", "PersistentVolumeClaim", "a/data", json!({})),
        resource("v1", "PersistentVolumeClaim", "b/data", json!({})),
    ]);
    insta::assert_snapshot!(whole_edges(documents).join("\n"), @r"
    VolumeSnapshot a/given -> VolumeSnapshotContent content (snapshot-source) present soft [spec.source.volumeSnapshotContentName]
    VolumeSnapshot a/taken -> PersistentVolumeClaim a/data (snapshot-source) present soft [spec.source.persistentVolumeClaimName]
    VolumeSnapshot a/taken -> VolumeSnapshotClass daily (snapshot-class) present soft [spec.volumeSnapshotClassName]
    VolumeSnapshotClass daily -> CSIDriver csi.example.com (storage-driver) present soft [driver]
    ");
}

#[test]
fn an_attachment_waits_for_its_volume_and_its_driver() {
    let spec = json!({"attacher": "csi.example.com", "source": {"persistentVolumeName": "v"}});
    let documents = json!([
        resource(STORAGE, "VolumeAttachment", "a", spec),
        object(STORAGE, "CSIDriver", "csi.example.com"),
        object("v1", "PersistentVolume", "v"),
        object("v1", "PersistentVolume", "w"),
    ]);
    assert_eq!(
        whole_edges(documents),
        [
            "VolumeAttachment a -> PersistentVolume v (volume-attachment) present soft [spec.source.persistentVolumeName]",
            "VolumeAttachment a -> CSIDriver csi.example.com (storage-driver) present soft [spec.attacher]",
        ]
    );
}

#[test]
fn a_volume_waits_for_its_driver_and_the_secrets_of_that() {
    let secret = |name: &str| json!({"name": name, "namespace": "csi"});
    let csi = json!({"driver": "csi.example.com", "nodeStageSecretRef": secret("stage"), "nodePublishSecretRef": secret("none")});
    let documents = json!([
        resource("v1", "PersistentVolume", "v", json!({"csi": csi, "volumeAttributesClassName": "gold"})),
        object(STORAGE, "CSIDriver", "csi.example.com"),
        object(STORAGE, "VolumeAttributesClass", "gold"),
        resource("v1", "Secret", "csi/stage", json!({})),
        resource("v1", "Secret", "other/none", json!({})),
    ]);
    insta::assert_snapshot!(whole_edges(documents).join("\n"), @r"
    PersistentVolume v -> Secret csi/stage (storage-secret) present soft [spec.csi.nodeStageSecretRef]
    PersistentVolume v -> CSIDriver csi.example.com (storage-driver) present soft [spec.csi.driver]
    PersistentVolume v -> VolumeAttributesClass gold (storage-class) present soft [spec.volumeAttributesClassName]
    ");
}
