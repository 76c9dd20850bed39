//! Charts, wherever they are: in chart repositories and in registries.
//!
//! In: the address of a repository, the name of a chart, a version or a range. Out: which version that is now, and its
//! archive. Guarantees: an archive has the digest that was asked for; what is resolved again in the life of one [`Charts`]
//! reads the same index.
//!
//! # Who learns our credentials
//!
//! The host of the repository. Where the user wants it ([`ChartRepository::pass_credentials`], as Helm has it), also the
//! host that its index says an archive is on, where both are spoken to with TLS: user and password or a token, never a
//! client certificate. Nobody whom that host sends us to, no registry that an index names, and nobody further inward than
//! the repository itself.

use super::access::Access;
use super::address::{Address, Scheme};
use super::archive::digest;
use super::chart_repository::{Indexes, LARGEST_ARCHIVE, Listed};
use super::credentials::Credential;
use super::error::{FetchError, Part};
use super::manifest::Wanted;
use super::registry::{Repository, split_tag};
use super::registry_login::Logins;
use super::web::Web;

/// How large a file may be that is no archive.
const LARGEST_FILE: u64 = 16 << 20;

/// A version of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartFound {
    /// As the repository writes it.
    pub version: String,
    /// `sha256:<hex>` of the archive, which in a registry is the layer.
    pub digest: String,
    /// Where the archive is. May have tokens in queries: not for output.
    pub locations: Vec<String>,
}

/// A chart repository or a registry.
#[derive(Debug, Clone, Copy)]
pub struct ChartRepository<'a> {
    /// Its address.
    pub address: &'a str,
    /// Whether the hosts that its index names learn our credentials for it.
    pub pass_credentials: bool,
}

impl<'a> From<&'a str> for ChartRepository<'a> {
    fn from(address: &'a str) -> Self {
        Self { address, pass_credentials: false }
    }
}

impl<'a> From<&'a String> for ChartRepository<'a> {
    fn from(address: &'a String) -> Self {
        Self::from(address.as_str())
    }
}

/// Finds and fetches charts, and other files.
pub struct Charts {
    web: Web,
    indexes: Indexes,
    logins: Logins,
}

/// A repository that may be asked, and who we are there.
struct Asked {
    address: Address,
    credential: Option<Credential>,
    pass_credentials: bool,
}

impl Charts {
    /// Nothing is asked yet.
    #[must_use]
    pub fn new(access: Access) -> Self {
        Self { web: Web::new(access), indexes: Indexes::default(), logins: Logins::default() }
    }

    /// What may be fetched, and how.
    #[must_use]
    pub fn access(&self) -> &Access {
        self.web.access()
    }

    /// Which version a request means now. Where the repository does not say its digest, the archive is fetched for it.
    ///
    /// # Errors
    /// Where there is none, or the repository cannot be asked.
    pub fn resolve<'a>(
        &self,
        repository: impl Into<ChartRepository<'a>>,
        chart: &str,
        version: &str,
    ) -> Result<ChartFound, FetchError> {
        let asked = self.asked(repository)?;
        if asked.address.scheme == Scheme::Oci {
            let tagged = self.registry_chart(&asked, chart)?.resolve(version, Wanted::Chart)?;
            return Ok(ChartFound { version: tagged.version, digest: tagged.digest, locations: vec![tagged.location] });
        }
        let listed = self.listed(&asked, chart, version)?;
        let digest = match (registry_location(&listed.locations), &listed.digest) {
            // What the index says of these is not always what the registry has.
            (Some(location), _) => {
                let tag = split_tag(location).1.unwrap_or(&listed.version);
                self.elsewhere(&asked, location)?.resolve(tag, Wanted::Chart)?.digest
            }
            (None, Some(digest)) => digest.clone(),
            (None, None) => digest(&self.download(&asked, chart, &listed.locations)?),
        };
        Ok(ChartFound { version: listed.version, digest, locations: listed.locations })
    }

    /// The archive, its digest checked.
    ///
    /// # Errors
    /// Where it cannot be fetched, or is another.
    pub fn fetch<'a>(
        &self,
        repository: impl Into<ChartRepository<'a>>,
        chart: &str,
        found: &ChartFound,
    ) -> Result<Vec<u8>, FetchError> {
        self.archive(&self.asked(repository)?, chart, found)
    }

    fn archive(&self, asked: &Asked, chart: &str, found: &ChartFound) -> Result<Vec<u8>, FetchError> {
        if asked.address.scheme == Scheme::Oci {
            return self.registry_chart(asked, chart)?.layer(&found.digest);
        }
        if let Some(location) = registry_location(&found.locations) {
            return self.elsewhere(asked, location)?.layer(&found.digest);
        }
        let bytes = self.download(asked, chart, &found.locations)?;
        checked(bytes, &found.digest, || named(asked, chart, &found.version))
    }

    /// The archive of a locked version: by digest from a registry, by its version from a chart repository; its digest is
    /// checked.
    ///
    /// # Errors
    /// Where it cannot be fetched, or is not what was locked.
    pub fn fetch_locked<'a>(
        &self,
        repository: impl Into<ChartRepository<'a>>,
        chart: &str,
        version: &str,
        digest: &str,
    ) -> Result<Vec<u8>, FetchError> {
        let asked = self.asked(repository)?;
        if asked.address.scheme == Scheme::Oci {
            return self.registry_chart(&asked, chart)?.layer(digest);
        }
        let listed = self.listed(&asked, chart, version)?;
        if listed.version != version {
            let why = "the repository has no such version any more";
            return Err(FetchError::not_found(named(&asked, chart, version), why).part(Part::Version));
        }
        let is_other = listed.digest.as_ref().is_some_and(|listed| listed != digest);
        if is_other && registry_location(&listed.locations).is_none() {
            let error =
                FetchError::wrong(named(&asked, chart, version), "the repository has another archive for it now");
            return Err(error.hint("see what has changed there, then lock it again"));
        }
        let found = ChartFound { version: listed.version, digest: digest.to_owned(), locations: listed.locations };
        self.archive(&asked, chart, &found)
    }

    /// Any file of at most 16 MiB.
    ///
    /// # Errors
    /// Where it may not be fetched, is not there, or is larger.
    pub fn file(&self, address: &str) -> Result<Vec<u8>, FetchError> {
        self.web.get(address, LARGEST_FILE, "the file")
    }

    fn asked<'a>(&self, repository: impl Into<ChartRepository<'a>>) -> Result<Asked, FetchError> {
        let ChartRepository { address: repository, pass_credentials } = repository.into();
        let (address, credential) = self.address(repository)?;
        if address.scheme == Scheme::Ssh {
            return Err(FetchError::not_found(address.shown(), "charts are in repositories of https or oci"));
        }
        Ok(Asked { address, credential, pass_credentials })
    }

    /// An address that may be asked, and who we are there.
    pub(super) fn address(&self, repository: &str) -> Result<(Address, Option<Credential>), FetchError> {
        let address = self.access().repository(repository).map_err(|refused| FetchError::refused(&refused))?;
        Ok((address, self.web.credential(repository)?))
    }

    /// The repository of a registry at an address.
    pub(super) fn repository(
        &self,
        address: &Address,
        credential: Option<Credential>,
    ) -> Result<Repository<'_>, FetchError> {
        Repository::new(&self.web, &self.logins, address, credential, "")
    }

    fn listed(&self, asked: &Asked, chart: &str, version: &str) -> Result<Listed, FetchError> {
        self.indexes.find(&self.web, &asked.address, asked.credential.as_ref(), chart, version)
    }

    fn registry_chart(&self, asked: &Asked, chart: &str) -> Result<Repository<'_>, FetchError> {
        Repository::new(&self.web, &self.logins, &asked.address, asked.credential.clone(), chart)
    }

    /// The chart in a registry that the index of a repository names. It is asked as anybody: who we are is said to whom
    /// the user names, not to whom an index names.
    fn elsewhere(&self, asked: &Asked, location: &str) -> Result<Repository<'_>, FetchError> {
        let reach = self.web.reach(&asked.address.url);
        let named = self.access().named_by(&asked.address.url, reach, split_tag(location).0);
        let address = named.map_err(|refused| FetchError::refused(&refused))?;
        let chart = self.repository(&address, None)?;
        Ok(if address.url.host() == asked.address.url.host() { chart } else { chart.within(reach) })
    }

    /// The first archive of these places that is there.
    fn download(&self, asked: &Asked, chart: &str, locations: &[String]) -> Result<Vec<u8>, FetchError> {
        let mut first = None;
        for location in locations {
            let Ok(url) = url::Url::parse(location) else { continue };
            let is_told = asked.pass_credentials && asked.address.url.scheme() == "https" && url.scheme() == "https";
            let told = if is_told { &url } else { &asked.address.url }.clone();
            let credential = asked.credential.clone();
            match self.web.get_telling(told, &asked.address, credential, url, LARGEST_ARCHIVE, "the chart") {
                Ok(bytes) => return Ok(bytes),
                Err(error) => first = first.or(Some(error)),
            }
        }
        let none = || FetchError::wrong(named(asked, chart, ""), "the index does not say where the archive is");
        Err(first.unwrap_or_else(none))
    }
}

/// The place in a registry among these, if there is one.
fn registry_location(locations: &[String]) -> Option<&str> {
    locations.iter().map(String::as_str).find(|location| location.starts_with("oci://"))
}

/// A chart for messages.
fn named(asked: &Asked, chart: &str, version: &str) -> String {
    format!("chart {chart} {version} of {}", asked.address.shown())
}

/// The archive, if it is the one.
fn checked(bytes: Vec<u8>, wanted: &str, asked: impl Fn() -> String) -> Result<Vec<u8>, FetchError> {
    let found = digest(&bytes);
    if found == wanted {
        return Ok(bytes);
    }
    Err(FetchError::wrong(asked(), format!("what came has the digest {found}, not {wanted}")))
}
