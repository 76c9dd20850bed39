//! What the demo shows, step by step.
//!
//! In: a [`Stage`]. Out: the transcript. Each function is a chapter.

use super::error::Error;
use super::shell::{Shell, headline, say};
use super::stage::Stage;
use crate::shop::Shop;
use crate::shop::history::{self, Commit};

/// Deletes all that the demo applies.
pub(super) const DELETE: &str =
    "kubectl gitops delete shop --yes --allow-delete=Namespace,CustomResourceDefinition,PersistentVolumeClaim";
const APPLY: &str = "kubectl gitops apply shop --path deploy --yes";
/// What the demo makes outside of the namespace that it makes, with that one.
const TRACES: &str = "namespace/shop crd/promotions.shop.example secret/kubectl-gitops.shop";

/// Exit codes that are not 0 and yet as they should be.
const DIFFERENT: u8 = 1;
const NOT_FOUND: u8 = 1;
const PARTLY_APPLIED: u8 = 3;

/// Tells the story to its end, or until something is not as it should be.
pub(super) fn tell(stage: &Stage, keep: bool) -> Result<(), Error> {
    let shell = &stage.shell;
    headline(&stage.scene())?;
    let shop = Shop::open(stage.repository(), stage.images())?;
    let told = Told { shell, shop: &shop };
    told.compile()?;
    told.first_release()?;
    told.changes()?;
    told.failure(stage.is_own())?;
    told.rollback()?;
    told.past()?;
    if keep { Ok(()) } else { told.end() }
}

/// Refuses a cluster that has a shop which is not ours: the demo would change it, and delete it in the end.
pub(super) fn refuse_what_is_there(shell: &Shell) -> Result<(), Error> {
    nothing_of(shell, TRACES, "this cluster has a shop already, which the demo must not touch")
}

/// Asks for objects of which there should be none; `what` says what it means where there are some.
fn nothing_of(shell: &Shell, objects: &str, what: &'static str) -> Result<(), Error> {
    let found = shell.ask(&format!("kubectl get {objects} --ignore-not-found -o name"))?;
    if found.is_empty() { Ok(()) } else { Err(Error::Found { what, found: found.replace('\n', ", ") }) }
}

/// Deletes what was applied by a story that broke off, in a cluster of the user's that had no shop before. Nothing of it
/// goes to stdout, which may be why the story broke off.
pub(super) fn take_back(shell: &Shell) -> Result<(), Error> {
    let record = shell.ask("kubectl get secret/kubectl-gitops.shop --ignore-not-found -o name")?;
    if record.is_empty() {
        return Ok(());
    }
    say("taking back what was applied until now");
    shell.ask(DELETE).map(drop)
}

/// The shop, and the shell in which its story goes on.
struct Told<'a> {
    shell: &'a Shell,
    shop: &'a Shop,
}

impl Told<'_> {
    fn offline(&self, line: &str) -> Result<(), Error> {
        self.shell.offline(self.shop.path(), line, 0)
    }

    fn online(&self, line: &str) -> Result<(), Error> {
        self.shell.online(self.shop.path(), line, 0)
    }

    fn compile(&self) -> Result<(), Error> {
        headline("A Git repository: the plain manifests of a shop of twelve services")?;
        self.offline("git show --oneline --stat")?;
        headline("From files to a graph. Its id is a hash of its content: the same here and on any machine")?;
        self.offline("kubectl gitops compile --path deploy -o id")?;
        self.offline("kubectl gitops compile --path deploy")?;
        headline("Who waits for whom, and why: the part around the database, and one chain")?;
        self.offline("kubectl gitops graph --path deploy --include '{namespace,database,orders}.yaml'")?;
        self.offline("kubectl gitops graph --path deploy --explain Deployment/orders PersistentVolumeClaim/database")
    }

    fn first_release(&self) -> Result<(), Error> {
        headline("What would be done, and in which order. Nothing is changed yet")?;
        self.online("kubectl gitops plan shop --path deploy")?;
        headline("Do it: in this order, side by side where that allows, until all is ready. Then it is release 1")?;
        self.online(APPLY)?;
        headline("Once more: nothing differs, so nothing is done")?;
        self.online(APPLY)
    }

    fn changes(&self) -> Result<(), Error> {
        for (commit, words) in [
            (history::FIX, "The first change"),
            (history::PAGE_SIZE, "The second change"),
            (history::RETIREMENT, "The third change"),
        ] {
            self.change(words, commit)?;
            self.online(APPLY)?;
        }
        Ok(())
    }

    /// Makes a commit and shows what it changes.
    fn change(&self, words: &str, commit: &Commit) -> Result<(), Error> {
        self.shop.commit(commit)?;
        headline(&format!("{words}: {}", commit.story))?;
        self.offline("git show --oneline --stat")?;
        self.shell.offline(self.shop.path(), "kubectl gitops diff HEAD~1 HEAD --path deploy", DIFFERENT)
    }

    fn failure(&self, is_own: bool) -> Result<(), Error> {
        self.change("A bad change", history::CANDIDATE)?;
        headline("It fails, and says why. Exit code 3: partly applied")?;
        self.shell.online(self.shop.path(), APPLY, PARTLY_APPLIED)?;
        self.failed_as_it_should()?;
        if is_own {
            // In its first seconds an autoscaler has no metrics and calls itself broken, which is not the story.
            self.shell.ask("kubectl wait hpa/storefront -n shop --for=condition=ScalingActive --timeout=2m")?;
        }
        headline("The old cart still serves; the new one does not come up")?;
        self.online("kubectl gitops status shop")
    }

    /// It must be the image, and nothing else.
    fn failed_as_it_should(&self) -> Result<(), Error> {
        let releases = self.shell.ask("kubectl gitops history shop -o json")?;
        let newest: serde_json::Value = serde_json::from_str(&releases).unwrap_or_default();
        let message = newest["releases"][0]["message"].as_str().unwrap_or_default();
        if message.starts_with("Deployment shop/cart: ") && message.contains("Image") {
            return Ok(());
        }
        Err(Error::Found { what: "the bad image should have failed", found: format!("`{message}`") })
    }

    fn rollback(&self) -> Result<(), Error> {
        headline("Back to what worked. Git is not asked: the record in the cluster has every release")?;
        self.online("kubectl gitops rollback shop --yes")?;
        self.online("kubectl get deployment cart -n shop -o wide")
    }

    fn past(&self) -> Result<(), Error> {
        headline("All that happened")?;
        self.online("kubectl gitops history shop")?;
        headline("Any release can be shown and compared: the first one is the graph from above")?;
        self.online("kubectl gitops show shop@1 -o id")?;
        self.shell.online(self.shop.path(), "kubectl gitops diff shop@1 shop@6", DIFFERENT)
    }

    fn end(&self) -> Result<(), Error> {
        let id = "-o 'jsonpath={.metadata.labels.kubectl-gitops/target}'";
        let target = self.shell.ask(&format!("kubectl get secret/kubectl-gitops.shop {id}"))?;
        headline("Delete it, dependents first. Kinds that take data with them must be named")?;
        self.online(DELETE)?;
        headline("Nothing of it is left")?;
        self.shell.online(self.shop.path(), &format!("kubectl get {TRACES}"), NOT_FOUND)?;
        // That one of them is not found does not mean that none is, and a record has parts.
        nothing_of(self.shell, TRACES, "parts of the shop are left")?;
        nothing_of(self.shell, &format!("secrets -l kubectl-gitops/target={target}"), "parts of the record are left")
    }
}
