//! A bundle put into a repository of a registry, with all that is said about it.
//!
//! In: the files of a layout that was verified, a repository, tags. Out: what was sent. Guarantees:
//!
//! - A tag moves last: whoever asks by tag sees a bundle that is there as a whole, with its signatures, or what was there before.
//! - What is there is not sent again; doing it twice changes nothing.

use gitops_compiler::bundle::{Files, MANIFEST};
use gitops_compiler::lock::Digest;

use crate::error::CommandError;
use crate::fetch::{ArtifactRepository, FetchError, Listed, Reference};

use super::parts::{Descriptor, Manifest, blob, manifests};

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The digest of its manifest.
    pub manifest: Digest,
    /// What its tags are.
    pub tags: Vec<MovedTag>,
    /// How many blobs it has, with those of manifests about it.
    pub blobs: usize,
    /// How many of them were sent.
    pub sent: usize,
    /// How many manifests about it were put with it.
    pub referrers: usize,
}

/// A tag of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedTag {
    /// The tag.
    pub tag: String,
    /// What it stood for before.
    pub before: Option<Digest>,
}

/// Puts it.
///
/// # Errors
/// Where the registry does not take it. What was sent until then is there, and no tag has moved but those before the one
/// that is named.
pub fn push(repository: &ArtifactRepository, files: &Files, tags: &[String]) -> Result<Pushed, CommandError> {
    let all = manifests(files)?;
    let own = &all[0];
    let (mut blobs, mut sent) = (0, 0);
    for listed in &all {
        let (of_it, of_it_sent) = put(repository, files, own, listed)?;
        blobs += of_it;
        sent += of_it_sent;
    }
    let bytes = blob(files, &own.digest)?;
    let mut moved = Vec::new();
    for tag in tags {
        let before = repository.tagged(tag).map_err(refused)?;
        if before.as_ref() != Some(&own.digest) {
            repository.put_manifest(&Reference::Tag(tag.clone()), MANIFEST, bytes).map_err(refused)?;
        }
        moved.push(MovedTag { tag: tag.clone(), before });
    }
    Ok(Pushed { manifest: own.digest.clone(), tags: moved, blobs, sent, referrers: all.len() - 1 })
}

/// Puts a manifest under its digest, its blobs before it. Gives how many blobs it has, and how many were sent.
fn put(
    repository: &ArtifactRepository,
    files: &Files,
    own: &Descriptor,
    listed: &Descriptor,
) -> Result<(usize, usize), CommandError> {
    let bytes = blob(files, &listed.digest)?;
    let Some(manifest) = Manifest::read(bytes) else {
        return Err(CommandError::user(format!("{} is no manifest", listed.digest)));
    };
    let (mut count, mut sent) = (0, 0);
    for part in manifest.blobs() {
        let what = format!("the blob {}", part.digest);
        count += 1;
        sent += usize::from(repository.put_blob(&part.digest, blob(files, &part.digest)?, &what).map_err(refused)?);
    }
    let is_there = repository.tagged(listed.digest.as_str()).map_err(refused)?.as_ref() == Some(&listed.digest);
    let name = Reference::Digest(listed.digest.clone());
    let is_listed = !is_there && repository.put_manifest(&name, MANIFEST, bytes).map_err(refused)?;
    if listed != own && !is_listed {
        let artifact_type = Some(manifest.artifact_type().to_owned());
        let (media_type, digest, size) = (MANIFEST.to_owned(), listed.digest.clone(), listed.size);
        let referrer = Listed { media_type, digest, size, artifact_type };
        repository.list_referrer(&own.digest, &referrer).map_err(refused)?;
    }
    Ok((count, sent))
}

/// What a registry does not take.
fn refused(error: FetchError) -> CommandError {
    let told = CommandError::user(format!("cannot push to {}: {}", error.asked, error.why));
    CommandError { hint: error.hint, ..told }
}
