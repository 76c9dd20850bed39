//! Claims, volumes, snapshots and their classes.
//!
//! A volume names its claim (`claimRef`), and a snapshot's content its snapshot, only to be bound to them: the claim
//! and the snapshot are what others wait for, so that neither makes an edge.

use crate::canon::Value;
use crate::manifest::Manifest;

use super::reference::{self, Reference, Target};
use super::{Index, Rule, Sink, State, Strength};

const STORAGE: &str = "storage.k8s.io";
const SNAPSHOTS: &str = "snapshot.storage.k8s.io";
const CLAIM: &[&str] = &["PersistentVolumeClaim"];
const SNAPSHOT: &[&str] = &["VolumeSnapshot"];

pub(super) const CLASS: Rule = Rule { name: "storage-class", version: 1, reason: "its volume is of that class" };
pub(super) const VOLUME: Rule = Rule { name: "claim-volume", version: 1, reason: "it binds to that volume" };
pub(super) const SOURCE: Rule = Rule { name: "claim-source", version: 1, reason: "its data comes from there" };
pub(super) const DRIVER: Rule = Rule { name: "storage-driver", version: 1, reason: "that driver does its work" };
pub(super) const SECRET: Rule = Rule { name: "storage-secret", version: 1, reason: "its driver signs in with it" };
pub(super) const SNAPSHOT_CLASS: Rule =
    Rule { name: "snapshot-class", version: 1, reason: "the snapshot is of that class" };
pub(super) const SNAPSHOT_SOURCE: Rule =
    Rule { name: "snapshot-source", version: 1, reason: "the snapshot is taken from there" };
pub(super) const ATTACHMENT: Rule = Rule { name: "volume-attachment", version: 1, reason: "it attaches that volume" };

/// A Secret with which the driver of a volume signs in.
const fn secret_of_volume(path: &'static str) -> Reference {
    Reference::soft("", &["PersistentVolume"], path, Target::Object("", "Secret"), SECRET)
}

const REFERENCES: &[Reference] = &[
    Reference::soft("", CLAIM, "spec.storageClassName", Target::Cluster(STORAGE, "StorageClass"), CLASS),
    Reference::soft(
        "",
        CLAIM,
        "spec.volumeAttributesClassName",
        Target::Cluster(STORAGE, "VolumeAttributesClass"),
        CLASS,
    ),
    Reference::soft("", CLAIM, "spec.volumeName", Target::Cluster("", "PersistentVolume"), VOLUME),
    Reference::soft("", CLAIM, "spec.dataSource", Target::Object("", "PersistentVolumeClaim"), SOURCE),
    Reference::soft("", CLAIM, "spec.dataSourceRef", Target::Object("", "PersistentVolumeClaim"), SOURCE),
    Reference::soft(
        "",
        &["PersistentVolume"],
        "spec.storageClassName",
        Target::Cluster(STORAGE, "StorageClass"),
        CLASS,
    ),
    Reference::soft(
        "",
        &["PersistentVolume"],
        "spec.volumeAttributesClassName",
        Target::Cluster(STORAGE, "VolumeAttributesClass"),
        CLASS,
    ),
    Reference::soft("", &["PersistentVolume"], "spec.csi.driver", Target::Cluster(STORAGE, "CSIDriver"), DRIVER),
    secret_of_volume("spec.csi.controllerExpandSecretRef"),
    secret_of_volume("spec.csi.controllerPublishSecretRef"),
    secret_of_volume("spec.csi.nodeExpandSecretRef"),
    secret_of_volume("spec.csi.nodePublishSecretRef"),
    secret_of_volume("spec.csi.nodeStageSecretRef"),
    Reference::soft(
        "apps",
        &["StatefulSet"],
        "spec.volumeClaimTemplates[*].spec.storageClassName",
        Target::Cluster(STORAGE, "StorageClass"),
        CLASS,
    ),
    Reference::soft(
        "apps",
        &["StatefulSet"],
        "spec.volumeClaimTemplates[*].spec.volumeAttributesClassName",
        Target::Cluster(STORAGE, "VolumeAttributesClass"),
        CLASS,
    ),
    Reference::soft(STORAGE, &["StorageClass"], "provisioner", Target::Cluster(STORAGE, "CSIDriver"), DRIVER),
    Reference::soft(STORAGE, &["VolumeAttributesClass"], "driverName", Target::Cluster(STORAGE, "CSIDriver"), DRIVER),
    Reference::soft(STORAGE, &["VolumeAttachment"], "spec.attacher", Target::Cluster(STORAGE, "CSIDriver"), DRIVER),
    Reference::soft(
        STORAGE,
        &["VolumeAttachment"],
        "spec.source.persistentVolumeName",
        Target::Cluster("", "PersistentVolume"),
        ATTACHMENT,
    ),
    Reference::soft(SNAPSHOTS, &["VolumeSnapshotClass"], "driver", Target::Cluster(STORAGE, "CSIDriver"), DRIVER),
    Reference::soft(
        SNAPSHOTS,
        &["VolumeSnapshot", "VolumeSnapshotContent"],
        "spec.volumeSnapshotClassName",
        Target::Cluster(SNAPSHOTS, "VolumeSnapshotClass"),
        SNAPSHOT_CLASS,
    ),
    Reference::soft(
        SNAPSHOTS,
        SNAPSHOT,
        "spec.source.persistentVolumeClaimName",
        Target::Beside("", "PersistentVolumeClaim"),
        SNAPSHOT_SOURCE,
    ),
    Reference::soft(
        SNAPSHOTS,
        SNAPSHOT,
        "spec.source.volumeSnapshotContentName",
        Target::Cluster(SNAPSHOTS, "VolumeSnapshotContent"),
        SNAPSHOT_SOURCE,
    ),
];

pub(super) fn infer(manifest: &Manifest, index: &Index<'_>, sink: &mut Sink<'_>) {
    reference::infer(REFERENCES, manifest, index, sink);
    secrets(manifest, index, sink);
}

/// The Secrets of a class, each in two parameters. A name with `${pvc.name}` in it is known only for each claim; it
/// is no name of an object, and so finds none.
fn secrets(manifest: &Manifest, index: &Index<'_>, sink: &mut Sink<'_>) {
    const PREFIX: &str = "csi.storage.k8s.io/";
    let key = &manifest.key;
    if !key.is(STORAGE, "StorageClass") && !key.is(SNAPSHOTS, "VolumeSnapshotClass") {
        return;
    }
    let Some(parameters) = manifest.body.get("parameters").and_then(Value::as_map) else { return };
    for (parameter, name) in parameters {
        let use_of = parameter.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix("secret-name"));
        let (Some(use_of), Some(name)) = (use_of, name.as_str()) else { continue };
        let namespace = parameters.get(&format!("{PREFIX}{use_of}secret-namespace")).and_then(Value::as_str);
        let to = namespace.and_then(|namespace| index.inside(Some(namespace), &key.scope, "", "Secret", name));
        sink.add_at(to, State::Present, Strength::Soft, SECRET, || format!("parameters[{parameter}]"));
    }
}
