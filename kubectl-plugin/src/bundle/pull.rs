//! A bundle taken from a repository of a registry, with all that is said about it there.
//!
//! In: a repository, a tag or a digest. Out: the files of a layout, not verified yet. Guarantees:
//!
//! - Each manifest and blob has the digest and the size that it was asked for with; nothing is read without a bound.
//! - What has another form than a bundle is refused before its blobs are read.
//! - Of manifests about it all are taken, or there is an error: whoever may write to the registry cannot hide a signature behind
//!   others. Those that are no image manifests, or are about something else, are left out with a warning.

use gitops_compiler::bundle::{About, CONFIG, Files, MANIFEST, Pieces, assemble};
use gitops_compiler::lock::Digest;

use crate::error::CommandError;
use crate::fetch::{ArtifactAddress, ArtifactRepository, FetchError, Listed, RawManifest, Reference};

use super::parts::{Descriptor, Manifest};
use super::printable;

/// The config of a bundle has a few hundred bytes for each resource.
const LARGEST_CONFIG: u64 = 128 << 20;
/// So large may a layer be as it is compressed.
const LARGEST_LAYER: u64 = 256 << 20;
/// So large may a blob be of what is said about a bundle, and all of them together.
const LARGEST_SAID: u64 = 16 << 20;
const ALL_SAID: u64 = 64 << 20;
/// So many manifests may be about a bundle.
const MOST_REFERRERS: usize = 200;

/// Takes what has this address. `warn` is told what is left out.
///
/// # Errors
/// Where it is not there, is no bundle, or is not what it should be.
pub fn pull(
    repository: &ArtifactRepository,
    address: &ArtifactAddress,
    mut warn: impl FnMut(&str),
) -> Result<Files, CommandError> {
    let Some(reference) = &address.reference else {
        return Err(CommandError::user(format!("{address} does not say which bundle"))
            .hint("name a tag, or a digest: oci://HOST/REPOSITORY:TAG, oci://HOST/REPOSITORY@sha256:…"));
    };
    let raw = repository.manifest(reference).map_err(not_taken)?;
    let raw = raw.ok_or_else(|| CommandError::user(format!("{address} is not there")))?;
    let no_bundle = |why: String| CommandError::user(format!("{address} is no bundle: {why}"));
    let manifest = bundle_manifest(&raw).map_err(no_bundle)?;
    let pieces = Pieces {
        config: blob(repository, &manifest.config, LARGEST_CONFIG, "the config")?,
        layer: blob(repository, &manifest.layers[0], LARGEST_LAYER, "the layer")?,
        about: about(repository, &raw.digest, &mut warn)?,
        manifest: raw.bytes,
    };
    assemble(pieces).map_err(|error| no_bundle(error.to_string()))
}

/// The manifest of a bundle, in its form.
fn bundle_manifest(raw: &RawManifest) -> Result<Manifest, String> {
    let manifest = Manifest::read(&raw.bytes).ok_or("it is no manifest with a config and layers")?;
    if manifest.config.media_type != CONFIG {
        return Err(format!("its config is of the type {}", printable(&manifest.config.media_type)));
    }
    match manifest.layers.len() {
        1 => Ok(manifest),
        count => Err(format!("it has {count} layers, and a bundle has one")),
    }
}

fn blob(repository: &ArtifactRepository, part: &Descriptor, most: u64, what: &str) -> Result<Vec<u8>, CommandError> {
    if part.size > most {
        let why = format!("{what} in {} has {} bytes, and {most} are taken", repository.shown(), part.size);
        return Err(CommandError::user(why));
    }
    repository.blob(&part.digest, part.size, what).map_err(not_taken)
}

/// All that is said about a manifest.
fn about(
    repository: &ArtifactRepository,
    subject: &Digest,
    warn: &mut impl FnMut(&str),
) -> Result<Vec<About>, CommandError> {
    let listed = repository.referrers(subject).map_err(not_taken)?;
    if listed.len() > MOST_REFERRERS {
        let count = listed.len();
        let message = format!("{count} manifests are about {subject}, and {MOST_REFERRERS} are taken");
        return Err(CommandError::user(message));
    }
    let (mut all, mut bytes) = (Vec::new(), 0_u64);
    for one in &listed {
        let (raw, manifest) = match referrer(repository, subject, one)? {
            Ok(found) => found,
            Err(why) => {
                warn(&format!("{} is listed as being about the bundle, and is left out: {why}", one.digest));
                continue;
            }
        };
        let mut blobs = Vec::new();
        for part in manifest.blobs() {
            bytes = bytes.saturating_add(part.size);
            if bytes > ALL_SAID {
                let message = format!("what is said about {subject} has more than {} MiB", ALL_SAID >> 20);
                return Err(CommandError::user(message));
            }
            blobs.push(blob(repository, part, LARGEST_SAID, "a blob of what is said about the bundle")?);
        }
        all.push(About { manifest: raw.bytes, artifact_type: manifest.artifact_type().to_owned(), blobs });
    }
    Ok(all)
}

/// A manifest that is listed; or why it is left out.
fn referrer(
    repository: &ArtifactRepository,
    subject: &Digest,
    listed: &Listed,
) -> Result<Result<(RawManifest, Manifest), &'static str>, CommandError> {
    if listed.media_type != MANIFEST {
        return Ok(Err("it is no image manifest"));
    }
    let raw = repository.manifest(&Reference::Digest(listed.digest.clone())).map_err(not_taken)?;
    let Some(raw) = raw else { return Ok(Err("it is not there")) };
    let Some(manifest) = Manifest::read(&raw.bytes) else { return Ok(Err("it is no image manifest")) };
    let is_about = manifest.subject.as_ref().is_some_and(|about| about.digest == *subject);
    Ok(if is_about { Ok((raw, manifest)) } else { Err("it says that it is about something else") })
}

/// What was not taken, and why.
fn not_taken(error: FetchError) -> CommandError {
    let told = CommandError::user(format!("cannot pull {}: {}", error.asked, error.why));
    CommandError { hint: error.hint, ..told }
}
