//! The sync of an Application that runs, step by step, as `apply -o json` tells it.
//!
//! In: who asks, an Application that they may get. Out: all that is known of the run that goes on, or went last; then what
//! follows, also of the next run, which begins with `runStarted`. Where nothing runs nothing is told. An id names run and event:
//! whoever comes back with it goes on there.

use std::sync::Arc;

use super::answer::{Answer, Refusal};
use super::caller::Caller;
use super::listener::{End, Listener};
use super::{Api, Begun};
use crate::application::AppId;
use crate::controller::catalog::Row;
use crate::controller::runs::Run;
use crate::json::{EventJson, RunEventJson};

/// Events are sent together up to this size.
const PART_BYTES: usize = 32 << 10;

/// One stream.
struct Follower {
    listener: Listener,
    id: AppId,
    /// The run that is told of, and how many of its events were.
    run: u64,
    heard: u64,
}

impl Api {
    /// `GET /api/gitops/v1/stream/applications/{name}/progress`.
    pub(super) fn watch_run(self: &Arc<Self>, begun: &Begun, caller: &Caller, row: &Row) -> Result<Answer, Refusal> {
        let id = row.id.clone();
        let last = begun.asked.last_event.as_deref().and_then(|last| self.place_of(last));
        let (run, heard) = last.unwrap_or_default();
        let about = Some(self.about(begun, row, None));
        self.stream(begun, caller, about, |listener| Follower { listener, id, run, heard }.run())
    }

    /// Run and event that an id names, where it is of this process.
    fn place_of(&self, id: &str) -> Option<(u64, u64)> {
        let (run, event) = self.named_by(id)?.split_once('-')?;
        Some((run.parse().ok()?, event.parse().ok()?))
    }
}

impl Follower {
    async fn run(mut self) -> Result<(), End> {
        let api = Arc::clone(&self.listener.api);
        let mut begun = api.controller.runs.subscribe();
        loop {
            let run = api.controller.runs.get(&self.id);
            let news = run.as_ref().map(|run| run.subscribe());
            if let Some(run) = &run {
                self.tell(run).await?;
            }
            let something = async {
                match news {
                    Some(mut news) => tokio::select! {
                        // Where it has ended and is kept no more, another one may begin.
                        changed = begun.changed() => changed,
                        Ok(()) = news.changed() => Ok(()),
                    },
                    None => begun.changed().await,
                }
            };
            self.listener.until(something).await?.map_err(|_| End::Over)?;
        }
    }

    async fn tell(&mut self, run: &Run) -> Result<(), End> {
        if self.run != run.number {
            (self.run, self.heard) = (run.number, 0);
        }
        let (news, form) = (run.since(self.heard), self.listener.form);
        let mut part = Vec::new();
        for (number, text) in &news.events {
            if *number > self.heard + 1 && news.missing > 0 {
                let message = format!("{} events before this one are not kept", news.missing);
                part.extend(form.part(&EventJson::now(RunEventJson::Note { message }), ""));
            }
            self.heard = *number;
            part.extend(form.written(text, &self.id_of(run, *number)));
            if part.len() >= PART_BYTES {
                self.listener.send(std::mem::take(&mut part)).await?;
            }
        }
        let at = self.id_of(run, self.heard);
        self.listener.is_at(at);
        if part.is_empty() { Ok(()) } else { self.listener.send(part).await }
    }

    fn id_of(&self, run: &Run, event: u64) -> String {
        self.listener.api.own_id(&format!("{}-{event}", run.number))
    }
}
