//! Chart repositories: an `index.yaml` and archives beside it, or elsewhere.
//!
//! In: the address of a repository, the name of a chart, a version or a range. Out: what the index says of it, and the
//! archive. Guarantees:
//!
//! - An index is read once for each repository, and is at most 64 MiB; an archive at most 256 MiB.
//! - Of a version that is written in the index as it was asked for, that is taken, whether it is a semantic version or
//!   not; else the newest in the range, as Argo CD and Helm choose it.
//! - Addresses of archives that are relative are below the address of the repository, as in Helm. Those of other hosts are
//!   judged as redirects are, and no credential is sent there unless the user wants it (`charts`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use gitops_compiler::canon::Value;
use gitops_compiler::manifest::yaml::{self, Limits};
use gitops_compiler::name::VersionRange;
use url::Url;

use super::address::{Address, shown};
use super::credentials::Credential;
use super::error::{FetchError, Part};
use super::web::Web;

/// How large an index may be.
const LARGEST_INDEX: u64 = 64 << 20;
/// How large an archive may be.
pub(super) const LARGEST_ARCHIVE: u64 = 256 << 20;
/// How deep an index nests, and how large it may become with its aliases written out.
const LIMITS: Limits = Limits { depth: 100, bytes: 256 << 20 };

/// A version of a chart in an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) version: String,
    /// `sha256:<hex>`, where the index has it.
    pub(super) digest: Option<String>,
    /// As written.
    pub(super) locations: Vec<String>,
}

/// Charts by name.
type Index = BTreeMap<String, Vec<Listed>>;
/// An index that is there or is still to be read, by whoever holds it.
type Slot = Arc<Mutex<Option<Arc<Index>>>>;

/// The indexes that were read.
#[derive(Default)]
pub(super) struct Indexes(Mutex<BTreeMap<String, Slot>>);

impl Indexes {
    /// What the index says of a version, its locations absolute.
    pub(super) fn find(
        &self,
        web: &Web,
        repository: &Address,
        credential: Option<&Credential>,
        chart: &str,
        version: &str,
    ) -> Result<Listed, FetchError> {
        let index = self.index(web, repository, credential)?;
        let asked = || format!("chart {chart} {version} of {}", repository.shown());
        let Some(versions) = index.get(chart) else {
            return Err(FetchError::not_found(asked(), "the repository has no chart of this name").part(Part::Name));
        };
        let texts = || versions.iter().map(|listed| listed.version.as_str());
        let no_version = |why: String| FetchError::not_found(asked(), why).part(Part::Version);
        let chosen = choose(version, texts()).map_err(no_version)?;
        let Some(listed) = versions.iter().find(|listed| Some(listed.version.as_str()) == chosen) else {
            let error = no_version("the repository has no such version".to_owned());
            return Err(match newest(texts()) {
                Some(newest) => error.hint(format!("the newest version there is {newest}")),
                None => error,
            });
        };
        let absolute = |location: &String| resolve_reference(&repository.url, location).map(String::from);
        let locations: Option<Vec<String>> = listed.locations.iter().map(absolute).collect();
        match locations.filter(|locations| !locations.is_empty()) {
            Some(locations) => Ok(Listed { locations, ..listed.clone() }),
            None => Err(FetchError::wrong(asked(), "the index does not say where the archive is")),
        }
    }

    fn index(
        &self,
        web: &Web,
        repository: &Address,
        credential: Option<&Credential>,
    ) -> Result<Arc<Index>, FetchError> {
        let key = repository.url.to_string();
        let slot = Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default());
        // Whoever else wants this index waits here.
        let mut index = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = &*index {
            return Ok(Arc::clone(index));
        }
        let url = resolve_reference(&repository.url, "index.yaml");
        let url = url.ok_or_else(|| FetchError::wrong(repository.shown(), "it is no address of a chart repository"))?;
        let asked = shown(&url);
        let bytes = web.get_of(repository, credential.cloned(), url, LARGEST_INDEX, "the index of charts")?;
        let read = Arc::new(read_index(&bytes).map_err(|why| FetchError::wrong(asked, why))?);
        *index = Some(Arc::clone(&read));
        Ok(read)
    }
}

/// The version that is meant: the one that is written so, else the newest in the range.
pub(super) fn choose<'a>(
    version: &str,
    versions: impl Iterator<Item = &'a str> + Clone,
) -> Result<Option<&'a str>, String> {
    if let Some(same) = versions.clone().find(|listed| *listed == version) {
        return Ok(Some(same));
    }
    let range = VersionRange::parse(if version.is_empty() { "*" } else { version })?;
    Ok(range.best(versions))
}

/// The newest release, for hints.
pub(super) fn newest<'a>(versions: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    VersionRange::parse("*").ok()?.best(versions)
}

/// An address as seen from a repository, as Helm resolves it: below it, with its query.
pub(super) fn resolve_reference(repository: &Url, reference: &str) -> Option<Url> {
    if let Ok(absolute) = Url::parse(reference) {
        return Some(absolute);
    }
    let mut base = repository.clone();
    base.set_path(&format!("{}/", repository.path().trim_end_matches('/')));
    let mut resolved = base.join(reference).ok()?;
    resolved.set_query(repository.query());
    Some(resolved)
}

/// Reads an index. What is no version of a chart is left out, as Helm does.
fn read_index(bytes: &[u8]) -> Result<Index, String> {
    let reading = yaml::read(bytes, LIMITS);
    // What the reader says may quote what a server wrote.
    if let Some(problem) = reading.problems.first() {
        return Err(format!("line {}, column {} of the index is not YAML", problem.line, problem.column));
    }
    let entries = reading.documents.first().and_then(|document| document.value.get("entries"));
    let entries = entries.and_then(Value::as_map).ok_or("it is no index of charts: it has no `entries`")?;
    let versions = |list: &Value| list.items().iter().filter_map(listed).collect();
    Ok(entries.iter().map(|(name, list)| (name.clone(), versions(list))).collect())
}

fn listed(value: &Value) -> Option<Listed> {
    let version = match value.get("version")? {
        Value::String(text) => text.clone(),
        // Without quotes `1.0` is a number, and its text is lost.
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        _ => return None,
    };
    let digest = value.get("digest").and_then(Value::as_str).and_then(sha256);
    let locations = value.get("urls").map_or(&[][..], Value::items).iter();
    Some(Listed { version, digest, locations: locations.filter_map(Value::as_str).map(str::to_owned).collect() })
}

/// A SHA-256 digest in the form of registries; other digests are as good as none.
pub(super) fn sha256(text: &str) -> Option<String> {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    let is_sound = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_sound.then(|| format!("sha256:{}", hex.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_resolved_as_helm_does() {
        let resolved = |base: &str, reference| {
            let base = Url::parse(base).expect("an address");
            resolve_reference(&base, reference).map(String::from).expect("an address")
        };
        assert_eq!(resolved("https://a.example.com/stable", "x-1.tgz"), "https://a.example.com/stable/x-1.tgz");
        assert_eq!(
            resolved("https://a.example.com/stable/", "charts/x.tgz"),
            "https://a.example.com/stable/charts/x.tgz"
        );
        assert_eq!(resolved("https://a.example.com/stable?t=1", "x.tgz"), "https://a.example.com/stable/x.tgz?t=1");
        assert_eq!(resolved("https://a.example.com/s", "/x.tgz"), "https://a.example.com/x.tgz");
        assert_eq!(resolved("https://a.example.com?t=1", "https://b.example.com/x?u=2"), "https://b.example.com/x?u=2");
    }

    #[test]
    fn an_index_is_read_leniently() {
        let text = "apiVersion: v1\nentries:\n  shop:\n  - version: 1.2.0\n    digest: ABCD\n    urls: [shop-1.2.0.tgz]\n  - version: 1\n  - name: none\n  empty: null\n";
        let index = read_index(text.as_bytes()).expect("an index");
        let versions: Vec<&str> = index["shop"].iter().map(|listed| listed.version.as_str()).collect();
        assert_eq!((versions, index["empty"].len()), (vec!["1.2.0", "1"], 0));
        assert_eq!(index["shop"][0].digest, None);
        for text in ["", "entries: 1", "<html>s3cret</html>", "entries: [s3cret", "- 1"] {
            let error = read_index(text.as_bytes()).expect_err(text);
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn the_version_that_is_written_so_is_taken_first() {
        let versions = ["2.0.0", "nightly", "v1.4.0", "1.3.0"];
        let choose = |version| choose(version, versions.into_iter()).expect("a version or a range");
        assert_eq!(choose("nightly"), Some("nightly"));
        assert_eq!((choose("^1"), choose("1.4.0"), choose("")), (Some("v1.4.0"), Some("v1.4.0"), Some("2.0.0")));
        assert_eq!(choose(">=3"), None);
    }

    #[test]
    fn digests_have_one_form() {
        let hex = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
        let wanted = Some(format!("sha256:{}", hex.to_lowercase()));
        assert_eq!((sha256(hex), sha256(&format!("sha256:{hex}"))), (wanted.clone(), wanted));
        assert_eq!((sha256("sha256:"), sha256("sha512:00")), (None, None));
    }
}
