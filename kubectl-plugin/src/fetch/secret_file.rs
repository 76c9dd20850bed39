//! A file of Secrets, as `kubectl apply` would take it, read as credentials for repositories.
//!
//! In: YAML or JSON, several documents, lists; `data` in base64 or `stringData`. Out: credentials, in the order of the
//! file. Secrets with another label, or none, are not meant. Guarantees: errors have the file, and the line where there is
//! one; they name keys and never show values, so what the reader of YAML says, which quotes the text, is left out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gitops_compiler::canon::Value;
use gitops_compiler::manifest::yaml::{self, Limits, Locator};
use serde_json::Value as Json;

use super::credentials::{Credential, Scope};
use super::github_app::GithubApp;
use super::secret::Secret;

/// Says what a Secret of Argo CD is for.
const LABEL: &str = "argocd.argoproj.io/secret-type";
/// Keys of credentials that ask a service first.
const UNSUPPORTED: [&str; 4] = [
    "gcpServiceAccountKey",
    "azureServicePrincipalClientId",
    "azureServicePrincipalClientSecret",
    "azureServicePrincipalTenantId",
];
const AZURE_IDENTITY: &str = "useAzureWorkloadIdentity";

/// Reads a file.
pub(super) fn read(shown_path: &str, bytes: &[u8]) -> Result<Vec<Credential>, String> {
    let reading = yaml::read(bytes, Limits::default());
    if let Some(problem) = reading.problems.first() {
        let (line, column) = (problem.line, problem.column);
        return Err(format!("{shown_path}:{line}:{column}: this is not YAML that kubectl could read"));
    }
    let mut credentials = Vec::new();
    for document in &reading.documents {
        for (pointer, value) in objects(&document.value) {
            let place = Place { shown_path, bytes, document: document.index, pointer };
            credentials.extend(place.credential(value)?);
        }
    }
    if credentials.is_empty() {
        return Err(format!("{shown_path}: has no Secret with the label {LABEL}: repository, or repo-creds"));
    }
    Ok(credentials)
}

/// Reads one Secret, as the API server gives it. Of one that is not sound: what keeps its address from being asked as somebody
/// else, where it has one; and what is wrong, by the name of the Secret and of the field.
pub(super) fn read_object(object: &Json) -> Result<Option<Credential>, (Option<Box<Credential>>, String)> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let shown = format!("the Secret {name}");
    // Items of lists come without.
    let mut object = object.clone();
    object["kind"] = "Secret".into();
    let text = object.to_string();
    let whole = Value::from(object);
    let place = Place { shown_path: &shown, bytes: text.as_bytes(), document: 0, pointer: String::new() };
    place.credential(&whole).map_err(|problem| {
        let label = whole.at(&["metadata", "labels", LABEL]).and_then(Value::as_str);
        let scope = if label == Some("repo-creds") { Scope::Prefix } else { Scope::Repository };
        let field = |key: &str| place.field(&whole, key).unwrap_or_default();
        let (url, project) = (field("url"), field("project"));
        let unsupported = Some("is not sound: see the log".to_owned());
        let unusable = Credential { scope, url, project, unsupported, ..Credential::default() };
        ((!unusable.url.trim().is_empty()).then(|| Box::new(unusable)), problem)
    })
}

/// The objects of a document, with where they are in it.
fn objects(value: &Value) -> Vec<(String, &Value)> {
    match value.get("items") {
        Some(items) => items.items().iter().enumerate().map(|(at, item)| (format!("/items/{at}"), item)).collect(),
        None => vec![(String::new(), value)],
    }
}

/// An object of the file.
struct Place<'a> {
    shown_path: &'a str,
    bytes: &'a [u8],
    document: usize,
    pointer: String,
}

impl Place<'_> {
    /// An error that says where.
    fn wrong(&self, pointer: &str, what: &str) -> String {
        let whole = format!("{}{pointer}", self.pointer);
        match Locator::new(self.bytes).locate(self.document, &whole) {
            Some(found) => format!("{}:{}: {what}", self.shown_path, found.key.unwrap_or(found.value).line),
            None => format!("{}: {what}", self.shown_path),
        }
    }

    /// The credential that an object is, if it is one.
    fn credential(&self, object: &Value) -> Result<Option<Credential>, String> {
        let label = object.at(&["metadata", "labels", LABEL]).and_then(Value::as_str);
        let scope = match label {
            Some("repository") => Scope::Repository,
            Some("repo-creds") => Scope::Prefix,
            _ => return Ok(None),
        };
        if object.get("kind").and_then(Value::as_str) != Some("Secret") {
            return Err(self.wrong("", &format!("has the label {LABEL} and is no Secret")));
        }
        let text = |key: &str| self.field(object, key);
        let flag = |key: &str| self.flag(object, key);
        let url = text("url")?;
        if url.trim().is_empty() {
            return Err(self.wrong("", "this Secret has no `url`"));
        }
        let mut unsupported = flag(AZURE_IDENTITY)?.then_some(AZURE_IDENTITY);
        for key in UNSUPPORTED {
            if unsupported.is_none() && !text(key)?.is_empty() {
                unsupported = Some(key);
            }
        }
        let hidden = |key: &str| text(key).map(Secret::new);
        let app = GithubApp {
            app: text("githubAppID")?.trim().to_owned(),
            installation: text("githubAppInstallationID")?.trim().to_owned(),
            key: hidden("githubAppPrivateKey")?,
            base: text("githubAppEnterpriseBaseUrl")?,
        };
        let has_app = !app.app.is_empty() || !app.key.is_empty();
        let fault = if has_app { app.fault() } else { None };
        let unsupported = unsupported.map(|kind| format!("has `{kind}`, which is not supported"));
        Ok(Some(Credential {
            scope,
            url,
            username: text("username")?,
            password: hidden("password")?,
            bearer_token: hidden("bearerToken")?,
            identity_token: Secret::default(),
            ssh_private_key: hidden("sshPrivateKey")?,
            tls_client_certificate: hidden("tlsClientCertData")?,
            tls_client_key: hidden("tlsClientCertKey")?,
            insecure: flag("insecure")?,
            insecure_ignore_host_key: flag("insecureIgnoreHostKey")?,
            proxy: hidden("proxy")?,
            no_proxy: text("noProxy")?,
            enable_oci: flag("enableOCI")?,
            enable_lfs: flag("enableLfs")?,
            force_http_basic_auth: flag("forceHttpBasicAuth")?,
            project: text("project")?,
            name: text("name")?,
            github_app: has_app.then_some(app),
            unsupported: unsupported.or_else(|| fault.map(str::to_owned)),
            helper: None,
        }))
    }

    /// A field as text; empty where it is absent. As in a cluster, `stringData` wins.
    fn field(&self, object: &Value, key: &str) -> Result<String, String> {
        if let Some(value) = object.at(&["stringData", key]) {
            let wrong =
                || self.wrong(&format!("/stringData/{key}"), &format!("`{key}` is not a text: put it in quotes"));
            return value.as_str().map(str::to_owned).ok_or_else(wrong);
        }
        let Some(value) = object.at(&["data", key]) else { return Ok(String::new()) };
        let wrong = || self.wrong(&format!("/data/{key}"), &format!("`{key}` is not a text in base64"));
        let encoded: String = value.as_str().ok_or_else(wrong)?.split(['\n', '\r']).collect();
        let decoded = BASE64.decode(encoded).map_err(|_| wrong())?;
        String::from_utf8(decoded).map_err(|_| wrong())
    }

    /// A field as a yes or no, in all the ways that Go reads them.
    fn flag(&self, object: &Value, key: &str) -> Result<bool, String> {
        match self.field(object, key)?.as_str() {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
            "" | "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
            _ => {
                let from = if object.at(&["stringData", key]).is_some() { "stringData" } else { "data" };
                Err(self.wrong(&format!("/{from}/{key}"), &format!("`{key}` is neither true nor false")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "kind: Secret\nmetadata: {labels: {argocd.argoproj.io/secret-type: repository}}\n";

    #[test]
    fn lists_and_base64_are_read() {
        let text = format!(
            "kind: List\nitems:\n- {HEAD_IN_LIST}  data: {{url: aHR0cHM6Ly9hLmV4YW1wbGUuY29t, password: czNjcmV0}}\n- kind: ConfigMap\n---\n{HEAD}stringData: {{url: 'https://b.example.com'}}\n",
            HEAD_IN_LIST = HEAD.replace('\n', "\n  ").trim_end_matches(' ')
        );
        let read = read("x.yaml", text.as_bytes()).expect("credentials");
        assert_eq!(
            read.iter().map(|one| one.url.as_str()).collect::<Vec<_>>(),
            ["https://a.example.com", "https://b.example.com"]
        );
        assert_eq!(read[0].password.reveal(), "s3cret");
    }

    #[test]
    fn errors_have_a_line_and_no_value() {
        for (rest, wanted) in [
            ("stringData:\n  password: s3cret\n", "x.yaml:1: this Secret has no `url`"),
            ("stringData:\n  url: a\n  password: [s3cret]\n", "x.yaml:5: `password` is not a text: put it in quotes"),
            ("data:\n  url: 's3cret!'\n", "x.yaml:4: `url` is not a text in base64"),
            ("stringData:\n  url: a\n  insecure: s3cret\n", "x.yaml:5: `insecure` is neither true nor false"),
            ("stringData:\n  url: a\n  password: \"s3cret\n", "x.yaml:6:1: this is not YAML that kubectl could read"),
        ] {
            let error = read("x.yaml", format!("{HEAD}{rest}").as_bytes()).expect_err(wanted);
            assert!(!error.contains("s3cret"), "{error}");
            assert_eq!(error, wanted);
        }
        let error = read("x.yaml", b"kind: Secret\nmetadata: {name: x}\n").expect_err("nothing there");
        assert!(error.contains("has no Secret"), "{error}");
    }
}
