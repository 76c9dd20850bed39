//! Requests in the name of somebody: of whoever asks us for something, with their token, and so with their rights and no others; of
//! a ServiceAccount that a project names, with our credentials and its rights.
//!
//! In: a token or a name, where, what. Out: what the server answers to them. Nothing here adds credentials of ours to a token.

use futures::{AsyncBufRead, TryFutureExt as _};
use http::Method;
use serde_json::Value as Json;

use super::request::{Request, encode};
use super::{Cluster, Failure};

/// How a patch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchForm {
    /// RFC 7386.
    Merge,
    /// RFC 6902.
    Json,
}

impl Cluster {
    /// The same server, asked with the token of somebody; nothing where this way has credentials of its own, or the token
    /// cannot be one.
    #[must_use]
    pub fn bearing(&self, token: &str) -> Option<Self> {
        let connection = self.connection.bearing(token)?;
        Some(Self { connection, ..self.clone() })
    }

    /// The same server, at which whatever changes something is done in the name of somebody else, by impersonation; nothing where
    /// that is no name.
    #[must_use]
    pub fn acting_as(&self, user: &str) -> Option<Self> {
        let connection = self.connection.acting_as(user)?;
        Some(Self { connection, ..self.clone() })
    }

    /// Changes an object in the name of a manager.
    pub async fn patch_as(&self, path: &str, form: PatchForm, body: &Json, manager: &str) -> Result<Json, Failure> {
        let content_type = match form {
            PatchForm::Merge => "application/merge-patch+json",
            PatchForm::Json => "application/json-patch+json",
        };
        let path = &format!("{path}?fieldManager={}&fieldValidation=Strict", encode(manager));
        let request =
            Request { method: Method::PATCH, path, accept: "application/json", content_type, body: Some(body) };
        self.repeated(&request).await.map(|answer| answer.body)
    }

    /// What the server sends for as long as it does: a log that is followed. Only its beginning has a time limit.
    pub async fn read_lines(&self, path: &str) -> Result<impl AsyncBufRead + Send + use<>, Failure> {
        let request = self.connection.begin(&Method::GET, path);
        let request = request.body(Vec::new()).map_err(|error| Failure::Malformed(error.to_string()))?;
        let client = self.connection.current().client;
        let opened = async move { client.request_stream(request).map_err(Failure::from_client).await };
        let seconds = self.timeout.as_secs();
        tokio::time::timeout(self.timeout, opened).await.unwrap_or(Err(Failure::Timeout(seconds)))
    }
}
