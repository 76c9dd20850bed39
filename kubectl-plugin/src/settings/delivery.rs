//! How an application is delivered, beside what it is made of.
//!
//! In: flags, and what an `Application` says of itself. Out: [`Delivery`]. Flags say more.

use clap::Args;
use gitops_compiler::app::{Application, IgnoreDifference, NamespaceMetadata};
use gitops_compiler::manifest::SyncOptions;

use crate::apply::drift::Ignored;
use crate::error::CommandError;
use crate::output::Printer;

/// The flags.
#[derive(Debug, Clone, Args)]
pub struct DeliveryArgs {
    /// What is asked for beside the manifests, in the words of an Application's syncOptions: CreateNamespace=true,
    /// Prune=false, Replace=true and more
    #[arg(long = "sync-option", value_name = "NAME=VALUE", value_delimiter = ',')]
    sync_options: Vec<String>,
}

impl DeliveryArgs {
    /// The words that the flags give.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.sync_options
    }
}

/// What an application wants.
#[derive(Debug, Clone, Default)]
pub struct Delivery {
    /// In the words of `syncOptions`.
    pub(super) words: Vec<String>,
    /// What a namespace that is made for it has.
    pub namespace: NamespaceMetadata,
    /// Differences that do not count.
    pub(super) ignored: Vec<IgnoreDifference>,
    /// How many releases are kept, where it says so.
    pub history_limit: Option<usize>,
}

impl Delivery {
    /// As an `Application` says.
    #[must_use]
    pub fn of(application: &Application) -> Self {
        let policy = application.spec.sync_policy.clone().unwrap_or_default();
        let limit = application.spec.revision_history_limit;
        Self {
            words: policy.sync_options,
            namespace: policy.managed_namespace_metadata.unwrap_or_default(),
            ignored: application.spec.ignore_differences.clone(),
            history_limit: limit.and_then(|limit| usize::try_from(limit).ok()).map(|limit| limit.max(1)),
        }
    }

    /// What it asks for itself.
    #[must_use]
    pub fn own_options(&self) -> SyncOptions {
        SyncOptions::read(self.words.iter().map(String::as_str))
    }

    /// What is asked for, by it and by flags; words that nobody knows are told.
    #[must_use]
    pub fn options(&self, args: &DeliveryArgs, printer: Printer) -> SyncOptions {
        let words = self.words.iter().chain(&args.sync_options);
        let options = SyncOptions::read(words.map(String::as_str));
        for word in &options.unknown {
            printer.warn(&format!("the sync option `{word}` is not known and has no effect"));
        }
        options
    }

    /// What is asked for by it and by these words; those that nobody knows have no effect.
    #[must_use]
    pub fn options_with(&self, more: &[String]) -> SyncOptions {
        SyncOptions::read(self.words.iter().chain(more).map(String::as_str))
    }

    /// Whether the differences that do not count are still those.
    #[must_use]
    pub fn ignores_as(&self, ignored: &Ignored) -> bool {
        self.ignored == ignored.rules()
    }

    /// The differences that do not count. What is wrong with their expressions is told together.
    pub async fn ignored(&self) -> Result<Ignored, CommandError> {
        let ignored = Ignored::new(self.ignored.clone());
        let wrong = ignored.check().await;
        if wrong.is_empty() {
            return Ok(ignored);
        }
        Err(CommandError::user("the differences to be ignored are not understood").details(wrong))
    }
}
