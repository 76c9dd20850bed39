//! Who signs people in: the flags of a controller.
//!
//! In: flags. Out: [`OidcSettings`], or nothing, where `argocd-cm` says it.

use std::path::PathBuf;

use clap::Args;
use zeroize::Zeroizing;

use crate::error::CommandError;
use crate::oidc::OidcSettings;

/// The largest file of a secret, or of certificates.
const LARGEST: u64 = 1 << 20;

/// Who signs people in.
#[derive(Debug, Clone, Args)]
pub(super) struct OidcArgs {
    /// The issuer by which people sign in with a browser: one whose tokens the API server takes [default: oidc.config of
    /// argocd-cm]
    #[arg(long, value_name = "ADDRESS", requires_all = ["api", "oidc_client_id", "url"])]
    oidc_issuer: Option<String>,
    /// Who the controller is to the issuer
    #[arg(long, value_name = "NAME", requires = "oidc_issuer")]
    oidc_client_id: Option<String>,
    /// A file with what the controller proves that with; a public client has none
    #[arg(long, value_name = "FILE", requires = "oidc_issuer")]
    oidc_client_secret_file: Option<PathBuf>,
    /// What the issuer is asked for [default: openid,profile,email,groups]
    #[arg(long, value_name = "SCOPE", value_delimiter = ',', requires = "oidc_issuer")]
    oidc_scopes: Vec<String>,
    /// Certificates of the authorities that may vouch for the issuer, in PEM, instead of those of the system
    #[arg(long, value_name = "FILE", requires = "oidc_issuer")]
    oidc_ca_file: Option<PathBuf>,
    /// Where the issuer takes codes, where that is another host than its own
    #[arg(long, value_name = "ADDRESS", requires = "oidc_issuer")]
    oidc_token_address: Option<String>,
    /// Where browsers find this server, over TLS: the issuer sends them back there
    #[arg(long, value_name = "ADDRESS", requires = "oidc_issuer")]
    url: Option<String>,
}

impl OidcArgs {
    /// What the flags say.
    ///
    /// # Errors
    /// Where an address is none, or a file cannot be read.
    pub(super) fn settings(&self) -> Result<Option<OidcSettings>, CommandError> {
        let (Some(issuer), Some(client), Some(own)) = (&self.oidc_issuer, &self.oidc_client_id, &self.url) else {
            return Ok(None);
        };
        let wrong = |why: String| CommandError::user(format!("people cannot sign in by {issuer}: {why}"));
        let mut settings = OidcSettings::new(issuer, client, own).map_err(wrong)?;
        if let Some(file) = &self.oidc_client_secret_file {
            settings.secret = Some(Zeroizing::new(read(file)?.trim().to_owned()));
        }
        if !self.oidc_scopes.is_empty() {
            settings.scopes.clone_from(&self.oidc_scopes);
        }
        settings.authorities = self.oidc_ca_file.as_ref().map(read).transpose()?.map(|text| text.to_string());
        settings.token_address = match &self.oidc_token_address {
            Some(address) => Some(url::Url::parse(address).map_err(|error| wrong(error.to_string()))?),
            None => None,
        };
        Ok(Some(settings))
    }
}

fn read(file: &PathBuf) -> Result<Zeroizing<String>, CommandError> {
    use std::io::Read as _;
    let failed = |error| CommandError::user(format!("cannot read {}: {error}", file.display()));
    let mut text = Zeroizing::new(String::new());
    std::fs::File::open(file).map_err(failed)?.take(LARGEST).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}
