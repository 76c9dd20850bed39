//! `review` with what the cluster has now as one side.
//!
//! In: the other side, and the application whose objects are meant, as for `diff`. Out: the review of both. What is live is
//! reduced to what manifests declare, so that neither defaults nor what others own is told; what is compared, and with
//! which rights, is as in `diff`. Sources of the other side are read as any review reads them: nothing is fetched.

use std::sync::Arc;

use gitops_compiler::review::{self, Outcome, Pair, Review, Side, SideName, Whole};

use crate::apply::adopt::look::LookError;
use crate::apply::live::LiveGraph;
use crate::error::CommandError;
use crate::settings::Session;

use super::change;
use super::diff::Graph;
use super::diff_live::{self, Live, Opened};
use super::review::ReviewArgs;

/// Reviews what is live and another side. No settings judge but the program's own: what is live has none, and those of the
/// newer side must not.
pub(super) async fn of_live(
    session: &Session,
    args: &ReviewArgs,
    live: Live,
    other: Graph<'_>,
    names: [&str; 2],
) -> Result<Review, CommandError> {
    let commit = match &other {
        Graph::Revision(Some(name)) => Some(args.source.repository()?.commit_oid(name)?),
        Graph::Revision(None) | Graph::Id(_) | Graph::Release(_) | Graph::Bundle(_) => None,
    };
    let (app, source) = (live.app.or_else(|| args.app.clone()), args.source.distrusted());
    let Opened { mut target, graph, origins } =
        Box::pin(diff_live::opened(session, &source, &args.cluster, app, other)).await?;
    change::say_if_locked(session, &target);
    let wanted = target.bind(Arc::new(graph)).await?;
    let there = Box::pin(target.live_beside(&wanted)).await.map_err(failed)?;
    diff_live::say_unknown(session, &there.unknown);
    let LiveGraph { live: there, declared, .. } = &there;
    let there = Outcome::Unnamed(Side { graph: there, origins: &[] });
    let declared = Outcome::Compiled(Side { graph: declared, origins: &origins });
    let application = target.application.to_string();
    let pair = if live.is_newer {
        Pair { application: &application, base: declared, head: there, files: &[] }
    } else {
        Pair { application: &application, base: there, head: declared, files: &[] }
    };
    let mut sides = names.map(|name| SideName { name: name.to_owned(), commit: None });
    sides[usize::from(!live.is_newer)].commit = commit;
    let [base, head] = sides;
    let mut told = review::review(base, head, &[pair], &Whole::default(), args.report.day()?);
    // Where bodies are not known, what was compared is less than the graph; it is the same graph all the same.
    for one in &mut told.applications {
        let side = if live.is_newer { &mut one.base } else { &mut one.head };
        *side = Some(wanted.graph.id());
    }
    Ok(told)
}

fn failed(error: LookError) -> CommandError {
    match error {
        LookError::Target(error) => error.into(),
        LookError::Build(findings) => CommandError::user("what is live makes no graph").findings(findings),
    }
}
