//! The manifest of an artifact in a registry: which of its layers has the files.
//!
//! In: a manifest, what is wanted of it. Out: the one layer, or why there is none. Guarantees: types of layers that are not
//! known are refused by name; nothing is guessed from what is in a layer.

use serde::Deserialize;

/// What a layer with a chart is, today and in the first releases of Helm 3.
const CHART_LAYERS: [&str; 2] = ["application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/tar+gzip"];

/// Types of layers that are unpacked as they are: of ORAS and Argo CD, of Flux.
const FILE_LAYERS: [&str; 3] = [
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.cncf.flux.content.v1.tar+gzip",
];

/// Which layer of a manifest is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// That of a chart.
    Chart,
    /// The one with files: a chart or anything else.
    Files,
}

#[derive(Deserialize)]
pub(super) struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
    /// Of an index: a manifest for each platform.
    #[serde(default)]
    manifests: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Layer {
    pub(super) media_type: String,
    pub(super) digest: String,
}

impl Manifest {
    /// The one layer that is meant, or why there is none.
    pub(super) fn layer(&self, wanted: Wanted) -> Result<&Layer, String> {
        if !self.manifests.is_empty() {
            return Err("it is an index of several manifests: name one of these by its digest".to_owned());
        }
        let is_meant = |layer: &&Layer| match wanted {
            Wanted::Chart => CHART_LAYERS.contains(&layer.media_type.as_str()),
            // As Argo CD tells files from signatures and the like.
            Wanted::Files => layer.media_type.ends_with("tar+gzip") || layer.media_type.ends_with("tar"),
        };
        let mut meant = self.layers.iter().filter(is_meant);
        let (what, kind) = match wanted {
            Wanted::Chart => ("chart", "of charts"),
            Wanted::Files => ("archive of files", "of archives (tar, tar+gzip)"),
        };
        let layer = match (meant.next(), meant.next()) {
            (Some(layer), None) => layer,
            (None, _) => return Err(format!("it is no {what}: no layer of it has a type {kind}")),
            (Some(_), Some(_)) => return Err(format!("it has several layers with a type {kind}")),
        };
        let known = CHART_LAYERS.iter().chain(&FILE_LAYERS);
        if !known.clone().any(|known| *known == layer.media_type) {
            let shown: String = layer.media_type.chars().filter(char::is_ascii_graphic).take(100).collect();
            let known = known.copied().collect::<Vec<_>>().join(", ");
            return Err(format!("its layer has the type {shown}, and what is read is {known}"));
        }
        Ok(layer)
    }
}

/// Whether a layer of this type is a chart.
pub(super) fn is_chart(media_type: &str) -> bool {
    CHART_LAYERS.contains(&media_type)
}
