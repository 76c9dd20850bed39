//! Which manifests of a repository are about another one: the referrers API of OCI distribution 1.1, and the tag that stands in
//! for it in registries that have none.
//!
//! In: a digest. Out: what is listed for it; or that a manifest is listed there now. Guarantees: what is listed is taken for
//! no more than a hint: it is asked for by its digest; what others wrote into the list under the tag stays there, as they wrote
//! it.

use gitops_compiler::lock::Digest;
use reqwest::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::address::{is_same_origin, shown};
use super::artifact_address::Reference;
use super::artifact_repository::{ArtifactRepository, found};
use super::error::{FailureKind, FetchError};
use super::registry::{LARGEST_MANIFEST, MOST_PAGES, next_page};

/// The media type of a list.
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// How often a list is written again that others change at the same time.
const MOST_ATTEMPTS: usize = 5;

/// So many manifests may be listed.
const MOST_LISTED: usize = 1_000;

/// A manifest that is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// What it is.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// How many bytes it has.
    pub size: u64,
    /// What it says that it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Json>,
}

impl ArtifactRepository {
    /// The manifests that are about another one.
    ///
    /// # Errors
    /// Where the registry cannot be asked, or lists more than anybody needs.
    pub fn referrers(&self, subject: &Digest) -> Result<Vec<Listed>, FetchError> {
        let listed = match self.listed_by_the_api(subject)? {
            Some(listed) => listed,
            None => self.listed_by_tag(subject)?.map(|index| manifests(&index)).unwrap_or_default(),
        };
        if listed.len() > MOST_LISTED {
            let why = format!("there are more than {MOST_LISTED} manifests about it");
            return Err(FetchError::new(FailureKind::TooLarge, format!("{}@{subject}", self.shown()), why));
        }
        // What cannot be read is none that we could check.
        let mut listed: Vec<Listed> =
            listed.into_iter().filter_map(|listed| serde_json::from_value(listed).ok()).collect();
        listed.sort_by(|one, other| one.digest.cmp(&other.digest));
        listed.dedup_by(|one, other| one.digest == other.digest);
        Ok(listed)
    }

    /// Sees to it that a manifest that was put is listed, where the registry did not say that it does so itself.
    ///
    /// # Errors
    /// Where the registry does not take the list, or others change it all the time.
    pub fn list_referrer(&self, subject: &Digest, referrer: &Listed) -> Result<(), FetchError> {
        if self.listed_by_the_api(subject)?.is_some() {
            return Ok(());
        }
        let tag = Reference::Tag(tag_of(subject));
        for _ in 0..MOST_ATTEMPTS {
            let mut index = self.listed_by_tag(subject)?.unwrap_or_else(empty);
            if manifests(&index).iter().any(|there| there["digest"] == referrer.digest.as_str()) {
                return Ok(());
            }
            let descriptor = serde_json::to_value(referrer).unwrap_or_default();
            match index["manifests"].as_array_mut() {
                Some(there) => there.push(descriptor),
                None => index["manifests"] = json!([descriptor]),
            }
            // Read again afterwards: registries have no way to write only over what was read.
            self.put_manifest(&tag, INDEX, index.to_string().as_bytes())?;
        }
        let why = "others change the list of what is about it at the same time";
        Err(FetchError::new(FailureKind::Unreachable, format!("{}@{subject}", self.shown()), why).hint("try again"))
    }

    /// Nothing where the registry has no such API.
    fn listed_by_the_api(&self, subject: &Digest) -> Result<Option<Vec<Json>>, FetchError> {
        let repository = self.repository()?;
        let (mut url, mut all) = (repository.url(&format!("referrers/{subject}")), Vec::new());
        for page in 0..MOST_PAGES {
            let answer = Self::get(&repository, url.clone(), INDEX, LARGEST_MANIFEST, "the list of referrers");
            let Some(answer) = found(answer)? else { return Ok(None) };
            let kind = answer.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            let index: Option<Index> = serde_json::from_slice(&answer.body).ok();
            let Some(index) = index else {
                // Some answer with a page for people.
                if page == 0 && !kind.contains("json") {
                    return Ok(None);
                }
                return Err(FetchError::wrong(shown(&url), "the registry answers with something else than a list"));
            };
            all.extend(index.manifests);
            match next_page(&url, &answer.headers) {
                None => return Ok(Some(all)),
                Some(next) if is_same_origin(&url, &next) => url = next,
                Some(_) => return Err(FetchError::wrong(shown(&url), "the next page of the list is on another host")),
            }
        }
        let why = format!("there are more than {MOST_PAGES} pages of referrers");
        Err(FetchError::new(FailureKind::TooLarge, shown(&url), why))
    }

    fn listed_by_tag(&self, subject: &Digest) -> Result<Option<Json>, FetchError> {
        let tag = tag_of(subject);
        let Some(manifest) = self.manifest(&Reference::Tag(tag.clone()))? else { return Ok(None) };
        let index: Json = serde_json::from_slice(&manifest.bytes).unwrap_or_default();
        if index["manifests"].is_array() {
            return Ok(Some(index));
        }
        let why = "what has this tag is no list of manifests, as such tags have";
        Err(FetchError::wrong(format!("{}:{tag}", self.shown()), why))
    }
}

/// The tag that a list has which the registry does not keep itself.
fn tag_of(subject: &Digest) -> String {
    subject.as_str().replacen(':', "-", 1)
}

fn empty() -> Json {
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] })
}

fn manifests(index: &Json) -> Vec<Json> {
    index["manifests"].as_array().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_the_tag_that_the_specification_says() {
        let subject: Digest = format!("sha256:{}", "ab".repeat(32)).parse().expect("a digest");
        assert_eq!(tag_of(&subject), format!("sha256-{}", "ab".repeat(32)));
    }
}
