//! Why a target cannot be used.

use gitops_compiler::name::AppName;
use gitops_compiler::plan::BindError;
use jiff::Timestamp;

use crate::cluster::Failure;
use crate::record::RecordError;

/// Why a target cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Its record cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The server did not answer as it should.
    #[error("{doing}")]
    Request {
        /// What was tried.
        doing: &'static str,
        /// Why not.
        #[source]
        failure: Failure,
    },
    /// Nobody can be called so.
    #[error("`{0}` is no name in which anything can be done")]
    NoName(String),
    /// The graph does not fit the server.
    #[error("this graph cannot go to this cluster")]
    Bind(Vec<BindError>),
    /// Another run holds the lock.
    #[error("{holder} is changing {application} now (until {expires} at the least)")]
    Locked {
        /// The application.
        application: AppName,
        /// `user@host`.
        holder: String,
        /// When its lease ends.
        expires: Timestamp,
    },
    /// The record would go with what it records.
    #[error(
        "the record of {application} would live in the namespace {namespace}, which the application itself contains; \
         name another with --record-namespace"
    )]
    OwnNamespace {
        /// The application.
        application: AppName,
        /// The namespace.
        namespace: String,
    },
    /// It is being renamed.
    #[error("{application} is being renamed to {name}: finish it with `kubectl gitops rename {application} {name}`")]
    Renamed {
        /// The application.
        application: AppName,
        /// Its new name.
        name: AppName,
    },
    /// The namespace of a bare folder changed.
    #[error(
        "{application} was applied to the namespace {recorded}, not {given}: moving it would delete and create everything; delete it first, or go on with -n {recorded}"
    )]
    Moved {
        /// The application.
        application: AppName,
        /// Where it is.
        recorded: String,
        /// Where it was sent.
        given: String,
    },
}
