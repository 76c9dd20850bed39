//! In whose name something is applied: `spec.destinationServiceAccounts`.
//!
//! The rules are those of Argo CD: the first entry whose `server` and `namespace` match says who; without a namespace of its own, the
//! ServiceAccount is in that of the destination, else in that of the Application. Where there are entries and none matches, nothing is
//! applied. Argo CD looks at them only where it is told to (`application.sync.impersonation.enabled`); here they count always.

use serde::Deserialize;

use super::AppProject;
use super::faults::Faults;
use super::pattern::Pattern;

/// One of the entries, as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Spec {
    server: String,
    namespace: String,
    default_service_account: String,
}

/// One of the entries.
#[derive(Debug, Clone)]
pub(super) struct Account {
    server: Pattern,
    namespace: Pattern,
    /// Empty where it is that of the destination.
    of_namespace: String,
    name: String,
}

impl Account {
    pub(super) fn new(spec: &Spec, place: &str, faults: &mut Faults) -> Option<Self> {
        let mut read = |text: &str, field: &str| {
            let place = format!("{place}.{field}");
            if text.starts_with('!') {
                faults.told.push(format!("{place}: `{text}` denies, and that has no meaning here"));
                return None;
            }
            faults.pattern(text, &place, Pattern::without_denial)
        };
        let (server, namespace) = (read(&spec.server, "server"), read(&spec.namespace, "namespace"));
        let text = spec.default_service_account.as_str();
        let (of_namespace, name) = text.split_once(':').map_or((None, text), |(of, name)| (Some(of), name));
        if !is_name(name) || of_namespace.is_some_and(|of| !is_name(of)) {
            let place = format!("{place}.defaultServiceAccount");
            faults.told.push(format!("{place}: it is NAME or NAMESPACE:NAME of a ServiceAccount"));
            return None;
        }
        let of_namespace = of_namespace.unwrap_or_default().to_owned();
        Some(Self { server: server?, namespace: namespace?, of_namespace, name: name.to_owned() })
    }
}

/// Both become parts of a user's name.
fn is_name(text: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    (1..=253).contains(&text.len()) && text.bytes().all(is_of_name)
}

impl AppProject {
    /// Whether something is applied in the name of others.
    #[must_use]
    pub fn acts_as_others(&self) -> bool {
        !self.accounts.is_empty()
    }

    /// In whose name something is applied to a namespace of a cluster, as the API server calls them; nothing where it is the
    /// controller's own.
    ///
    /// # Errors
    /// Where it is somebody else's, and nobody is named for this one.
    pub fn service_account(
        &self,
        server: &str,
        namespace: &str,
        of_application: &str,
    ) -> Result<Option<String>, String> {
        if self.accounts.is_empty() {
            return Ok(None);
        }
        let found = self.accounts.iter().find(|it| it.server.admits(server) && it.namespace.admits(namespace));
        let none = || {
            format!(
                "no matching service account found for destination server {server} and namespace {namespace} in \
                 spec.destinationServiceAccounts of project {}",
                self.name
            )
        };
        let Account { of_namespace, name, .. } = found.ok_or_else(none)?;
        let of = [of_namespace.as_str(), namespace, of_application].into_iter().find(|of| !of.is_empty());
        Ok(Some(format!("system:serviceaccount:{}:{name}", of.unwrap_or("default"))))
    }
}
