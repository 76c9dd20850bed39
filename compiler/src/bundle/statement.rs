//! Statements about a bundle, as in-toto v1 has them: who is meant, and what is said.
//!
//! In: the digests of a bundle, a predicate. Out: JSON, the same bytes always; and the other way. A statement is about the
//! manifest of a bundle, which registries know, and about its graph, which everything else here knows.
//!
//! Guarantee: what is about this bundle names its manifest, and, where it names graphs, its graph.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::layout::json;
use super::referrer::Claim;
use crate::canon::{Graph, Id};
use crate::lock::Digest;
use crate::name::AppName;

/// The media type of a statement.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// The predicate that says nothing but "this": what `cosign sign` writes.
pub const SIGNATURE: &str = "https://sigstore.dev/cosign/sign/v1";

/// What a statement says that it is; earlier versions of in-toto are taken where others have written them.
const TYPE: &str = "https://in-toto.io/Statement/v1";
const TYPE_BEFORE: &str = "https://in-toto.io/Statement/v0.1";

/// How the digest of a graph is called: its id is BLAKE3 in the mode that derives keys.
const GRAPH: &str = "blake3";
const MANIFEST: &str = "sha256";

/// What Docker and others tell of a statement beside it.
const PREDICATE_ANNOTATION: &str = "in-toto.io/predicate-type";

/// A statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    /// What it is about.
    pub subject: Vec<Subject>,
    /// What kind of thing is said.
    pub predicate_type: String,
    /// What is said.
    #[serde(default)]
    pub predicate: Json,
}

/// What a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its digests, by the names of their algorithms, in hexadecimal.
    #[serde(default)]
    pub digest: BTreeMap<String, String>,
}

/// Why a statement does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// It is none.
    #[error("it is no in-toto statement: {0}")]
    Form(String),
    /// It is about another bundle.
    #[error("it is about something else than this bundle")]
    Subject,
    /// It is about this manifest and another graph.
    #[error("it is about this manifest and another graph, which cannot be")]
    Graph,
    /// It names no graph, where there is nothing else that could prove which one is meant.
    #[error("it names no graph, and of a release nothing else is kept")]
    NoGraph,
}

impl Statement {
    /// Says something about the bundle of an application, by the digest of its manifest and the id of its graph.
    #[must_use]
    pub fn new(
        application: &AppName,
        manifest: &Digest,
        graph: Id<Graph>,
        predicate_type: &str,
        predicate: Json,
    ) -> Self {
        let subject = |name: String, algorithm: &str, digest: String| Subject {
            name: Some(name),
            digest: [(algorithm.to_owned(), digest)].into(),
        };
        let subject = vec![
            // The first, with this digest alone: that is what cosign tells.
            subject(application.to_string(), MANIFEST, hexadecimal(manifest).to_owned()),
            subject(graph.to_string(), GRAPH, digest_of(graph)),
        ];
        Self { kind: TYPE.to_owned(), subject, predicate_type: predicate_type.to_owned(), predicate }
    }

    /// Reads one.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, StatementError> {
        let statement: Self = serde_json::from_slice(bytes).map_err(|error| StatementError::Form(error.to_string()))?;
        if ![TYPE, TYPE_BEFORE].contains(&statement.kind.as_str()) {
            return Err(StatementError::Form(format!("its type is {:?}", statement.kind)));
        }
        Ok(statement)
    }

    /// As it is signed.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        json(self)
    }

    /// Whether it is about the bundle with this manifest and this graph.
    ///
    /// # Errors
    /// Where it is not.
    pub fn is_about(&self, manifest: &Digest, graph: Id<Graph>) -> Result<(), StatementError> {
        let named = |algorithm: &str| -> Vec<&String> {
            self.subject.iter().filter_map(|subject| subject.digest.get(algorithm)).collect()
        };
        if !named(MANIFEST).iter().any(|digest| *digest == hexadecimal(manifest)) {
            return Err(StatementError::Subject);
        }
        let graphs = named(GRAPH);
        if !graphs.is_empty() && !graphs.contains(&&digest_of(graph)) {
            return Err(StatementError::Graph);
        }
        Ok(())
    }

    /// Whether it is about the bundle that a release was applied from. Only its graph is at hand, and the name of its manifest, which
    /// proves nothing: the statement itself must say that the two belong together.
    ///
    /// # Errors
    /// Where it is not.
    pub fn is_about_release(&self, manifest: &Digest, graph: Id<Graph>) -> Result<(), StatementError> {
        self.is_about(manifest, graph)?;
        let names_graphs = self.subject.iter().any(|subject| subject.digest.contains_key(GRAPH));
        if names_graphs { Ok(()) } else { Err(StatementError::NoGraph) }
    }

    /// What it calls the bundle with this manifest: the application that it was built for.
    pub fn applications<'a>(&'a self, manifest: &'a Digest) -> impl Iterator<Item = AppName> + 'a {
        let is_it =
            move |subject: &&Subject| subject.digest.get(MANIFEST).is_some_and(|it| it == hexadecimal(manifest));
        self.subject.iter().filter(is_it).filter_map(|subject| subject.name.as_ref()?.parse().ok())
    }

    /// As something that is said without a signature.
    #[must_use]
    pub fn claim(&self) -> Claim {
        Claim {
            artifact_type: IN_TOTO.to_owned(),
            content: self.bytes(),
            annotations: [(PREDICATE_ANNOTATION.to_owned(), self.predicate_type.clone())].into(),
        }
    }
}

fn hexadecimal(digest: &Digest) -> &str {
    digest.as_str().trim_start_matches("sha256:")
}

fn digest_of(graph: Id<Graph>) -> String {
    graph.digest().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest(text: &str) -> Digest {
        super::super::digest(text.as_bytes())
    }

    fn statement() -> Statement {
        let application = "shop".parse().expect("a name");
        Statement::new(&application, &manifest("m"), Id::of(b"g"), SIGNATURE, json!({}))
    }

    #[test]
    fn a_statement_is_pinned() {
        let text = String::from_utf8(statement().bytes()).expect("text");
        insta::assert_snapshot!(text, @r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"shop","digest":{"sha256":"62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a"}},{"name":"g1-xafvolyqweqodpoplyepsd4mu5saoaq2rqrnfl7vtvx3ak6padjq","digest":{"blake3":"b80b572f10b120e1bdcf5e08f90f8ca76407021a8c22d2aff59d6fb02bcf00d3"}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}"#);
        assert_eq!(Statement::read(text.as_bytes()).expect("a statement"), statement());
    }

    #[test]
    fn it_is_about_one_bundle() {
        let said = statement();
        assert_eq!(said.is_about(&manifest("m"), Id::of(b"g")), Ok(()));
        assert_eq!(said.is_about(&manifest("n"), Id::of(b"g")), Err(StatementError::Subject));
        assert_eq!(said.is_about(&manifest("m"), Id::of(b"h")), Err(StatementError::Graph));
        // cosign knows nothing of graphs.
        let foreign = Statement { subject: said.subject[..1].to_vec(), ..said.clone() };
        assert_eq!(foreign.is_about(&manifest("m"), Id::of(b"h")), Ok(()));
        let nothing = Statement { subject: Vec::new(), ..said };
        assert_eq!(nothing.is_about(&manifest("m"), Id::of(b"g")), Err(StatementError::Subject));
    }

    #[test]
    fn of_a_release_the_graph_must_be_named() {
        let said = statement();
        assert_eq!(said.is_about_release(&manifest("m"), Id::of(b"g")), Ok(()));
        assert_eq!(said.is_about_release(&manifest("n"), Id::of(b"g")), Err(StatementError::Subject));
        assert_eq!(said.is_about_release(&manifest("m"), Id::of(b"h")), Err(StatementError::Graph));
        let foreign = Statement { subject: said.subject[..1].to_vec(), ..said.clone() };
        assert_eq!(foreign.is_about_release(&manifest("m"), Id::of(b"g")), Err(StatementError::NoGraph));
        let names = |digest: Digest| said.applications(&digest).map(|name| name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(manifest("m")), ["shop"], "the name of the graph is none of an application");
        assert!(names(manifest("n")).is_empty());
    }

    #[test]
    fn other_forms_are_no_statements() {
        for text in ["", "{}", "[]", r#"{"_type":"https://in-toto.io/Statement/v2","subject":[],"predicateType":"x"}"#]
        {
            assert!(matches!(Statement::read(text.as_bytes()), Err(StatementError::Form(_))), "{text}");
        }
    }
}
