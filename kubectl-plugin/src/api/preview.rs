//! What would change: what a sync or a rollback would do, and where two sides of an Application differ.
//!
//! In: who asks, an Application that they may get, a query. Out: what `plan -o json` and `diff -o json` print. Steps and their
//! order belong to the Application, as its resources in its status; fields are told of objects that whoever asks may get, and a
//! diff has nothing of others. Live objects are read, and tried, with their token. Values of Secrets are masked. An answer has so many
//! bytes at most; whoever wants to know of more asks for some of the objects.

use gitops_compiler::canon::{Graph, Id};

use super::Api;
use super::answer::{Answer, Code, Refusal};
use super::asked::Query;
use super::asks::{NumberAsk, RollbackAsk, SyncAsk};
use super::caller::Caller;
use super::change;
use super::limits::MOST_BYTES;
use super::managed::is_asked_for;
use super::sight::{Part, Sight};
use crate::apply::against::Against;
use crate::controller::catalog::Row;
use crate::controller::preview::Side;
use crate::error::CommandError;
use crate::json::{DiffJson, PlanJson};

/// What stands for the objects in the cluster.
const LIVE: &str = "live";

/// A side of a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Live,
    Graph(Side),
}

impl Api {
    /// `GET …/plan`.
    pub(super) async fn plan(&self, caller: &Caller, row: &Row, query: &Query) -> Result<Answer, Refusal> {
        let operation = match query.number("release")? {
            Some(release) => {
                self.is_kept(row, release).await?;
                let id = Some(NumberAsk::Number(release));
                change::rollback(RollbackAsk { id, ..RollbackAsk::default() }, &caller.person.name)
            }
            None => change::sync(SyncAsk { prune: query.flag("prune")?, ..SyncAsk::default() }, &caller.person.name)?,
        };
        let planned = Box::pin(self.controller.preview(&row.id, &row.object(), &operation)).await;
        let planned = planned.map_err(|error| not_now(&error))?;
        let (target, desired) = (&planned.target, &planned.desired);
        let mut plan = PlanJson::new(&target.application, target.base_id(), desired.graph.id(), &planned.plan);
        plan.refusals = planned.refusals.iter().map(CommandError::in_one_line).collect();
        let mut gettable = self.gettable(&caller.person, row).await?;
        for step in &mut plan.steps {
            // All steps are told, in their order, and fields of those that are asked for.
            if !is_asked_for(&step.resource, query) || !gettable.has(&step.resource).await? {
                step.changes.clear();
                step.recreated_for = None;
            }
        }
        let _turn = self.sides.acquire().await.map_err(|_| Refusal::broken())?;
        Answer::json_within(MOST_BYTES, &plan)
    }

    /// `GET …/diff`.
    pub(super) async fn diff(&self, caller: &Caller, row: &Row, query: &Query) -> Result<Answer, Refusal> {
        let sides = sides(query)?;
        let sight = self.sight(caller, row, Part::Resource).await?;
        for side in sides {
            if let Named::Graph(Side::Release(release)) = side {
                self.is_kept(row, release).await?;
            }
        }
        let (from, to, mut against) = match sides {
            [Named::Live, Named::Graph(side)] => {
                let (id, against) = self.against_live(&sight, row, side).await?;
                (None, Some(id), against)
            }
            [Named::Graph(side), Named::Live] => {
                let (id, against) = self.against_live(&sight, row, side).await?;
                (Some(id), None, against.reversed())
            }
            [Named::Graph(old), Named::Graph(new)] => {
                let graphs = self.controller.graphs(&row.id, &row.object(), [old, new]).await;
                let [old, new] = graphs.map_err(|error| not_now(&error))?;
                (Some(old.id()), Some(new.id()), Against::between(&old, &new))
            }
            [Named::Live, Named::Live] => {
                return Err(Refusal::invalid("what is live differs from itself in nothing: name another side"));
            }
        };
        let mut gettable = self.gettable(&caller.person, row).await?;
        let mut seen = Vec::new();
        for (key, change) in std::mem::take(&mut against.changes) {
            let is_meant = gettable.bound(&key).is_some_and(|key| is_asked_for(&key, query));
            if is_meant && gettable.has(&key).await? {
                seen.push((key, change));
            }
        }
        against.changes = seen;
        let _turn = self.sides.acquire().await.map_err(|_| Refusal::broken())?;
        Answer::json_within(MOST_BYTES, &DiffJson::new(from, to, &against))
    }

    async fn against_live(&self, sight: &Sight, row: &Row, side: Side) -> Result<(Id<Graph>, Against), Refusal> {
        let viewer = sight.cluster();
        let compared = Box::pin(self.controller.against_live(&row.id, &row.object(), side, viewer)).await;
        compared.map_err(|error| not_now(&error))
    }
}

/// Which sides a query names: without any, from what is live to what Git says.
fn sides(query: &Query) -> Result<[Named; 2], Refusal> {
    let side = |name: &str| -> Result<Option<Named>, Refusal> {
        match query.one(name) {
            None => Ok(None),
            Some(LIVE) => Ok(Some(Named::Live)),
            Some(_) => {
                let wrong = |_| Refusal::invalid(format!("{name} is the number of a release, or {LIVE}"));
                Ok(query.number(name).map_err(wrong)?.map(|number| Named::Graph(Side::Release(number))))
            }
        }
    };
    Ok(match [side("from")?, side("to")?] {
        [None | Some(Named::Live), None] => [Named::Live, Named::Graph(Side::Git)],
        [Some(from), None] => [from, Named::Graph(Side::Git)],
        [None, Some(Named::Live)] => [Named::Graph(Side::Git), Named::Live],
        [None, Some(to)] => [Named::Live, to],
        [Some(from), Some(to)] => [from, to],
    })
}

/// Why there is no answer, as the command line says it.
pub(super) fn not_now(error: &CommandError) -> Refusal {
    Refusal::new(Code::NotNow, error.in_one_line())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_what_they_are_named() {
        let [live, git] = [Named::Live, Named::Graph(Side::Git)];
        let release = |number| Named::Graph(Side::Release(number));
        for (text, expected) in [
            ("", [live, git]),
            ("to=live", [git, live]),
            ("from=live", [live, git]),
            ("from=3", [release(3), git]),
            ("to=3", [live, release(3)]),
            ("from=3&to=4", [release(3), release(4)]),
            ("from=3&to=live", [release(3), live]),
        ] {
            assert_eq!(sides(&Query::read(text)).ok(), Some(expected), "{text}");
        }
        for wrong in ["from=-1", "to=g1-abc", "from=Live"] {
            assert!(sides(&Query::read(wrong)).is_err(), "{wrong}");
        }
    }
}
