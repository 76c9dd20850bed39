//! What Git says of Applications for which nobody follows Git here: another replica does, or this is `kubectl gitops ui`.
//!
//! In: an Application that its project permits, and its cluster. Out: [`Deliverable`], for whoever wants to see it. Sources are asked
//! what they are, and what that compiles to is kept for a while. Nothing follows from it: what the controller itself knows of
//! repositories and Applications stays as it is. However many ask, one Application is compiled once at a time, and few are
//! altogether. What was begun goes on where whoever asked goes away: the next one has it.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gitops_compiler::app::Application;
use gitops_compiler::diagnostic::Diagnostic;
use serde_json::Value as Json;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::application::AppId;
use crate::cluster::Failure;
use crate::error::CommandError;

use super::Controller;
use super::apps::CompiledFrom;
use super::clusters::Place;
use super::compile;
use super::preview::Deliverable;
use super::refs::Asked;

/// What Git says holds for so long: whoever sees a plan may look at the differences next.
const LASTS: Duration = Duration::from_secs(10);

/// What was compiled is kept for so long after somebody asked for it: most of it is the same when they ask again.
const KEPT: Duration = Duration::from_mins(5);

/// Of so many Applications at most.
const MOST: usize = 16;

/// All of them.
pub(super) struct Readings {
    all: Mutex<BTreeMap<AppId, Slot>>,
    permits: Semaphore,
}

/// Of one Application.
struct Slot {
    used: Instant,
    /// Held by whoever finds out.
    reading: Arc<tokio::sync::Mutex<Option<Reading>>>,
}

/// What was found out.
struct Reading {
    from: CompiledFrom,
    at: Instant,
    said: Result<Deliverable, String>,
    /// Whether some of it was looked up that may be something else by now.
    is_fleeting: bool,
}

/// Of which Application.
pub(super) struct Wanted {
    pub(super) id: AppId,
    pub(super) object: Json,
    pub(super) application: Application,
    pub(super) lints: Vec<Diagnostic>,
    pub(super) place: Place,
}

impl Default for Readings {
    fn default() -> Self {
        // Half of the processors are left to Applications that are cared for.
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { all: Mutex::default(), permits: Semaphore::new((processors / 2).max(1)) }
    }
}

impl Readings {
    fn slot(&self, id: &AppId, now: Instant) -> Arc<tokio::sync::Mutex<Option<Reading>>> {
        self.forget(now);
        let mut all = self.all();
        if !all.contains_key(id) && all.len() >= MOST {
            let oldest = all.iter().min_by_key(|(_, slot)| slot.used).map(|(id, _)| id.clone());
            oldest.and_then(|oldest| all.remove(&oldest));
        }
        let slot = all.entry(id.clone()).or_insert_with(|| Slot { used: now, reading: Arc::default() });
        slot.used = now;
        Arc::clone(&slot.reading)
    }

    /// Lets go of what nobody asks for any more.
    fn forget(&self, now: Instant) {
        self.all().retain(|_, slot| now.duration_since(slot.used) < KEPT);
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<AppId, Slot>> {
        // Each change is whole before the next begins.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Controller {
    /// What Git says of an Application, whoever follows Git for it.
    ///
    /// # Errors
    /// As the status would tell them.
    pub(super) async fn reading(self: &Arc<Self>, wanted: Wanted) -> Result<Deliverable, CommandError> {
        let (this, slot) = (Arc::clone(self), self.readings.slot(&wanted.id, Instant::now()));
        let finding_out = tokio::spawn(async move {
            let mut known = slot.lock().await;
            let said = Box::pin(this.found_out(&wanted, &mut known)).await;
            drop(known);
            tokio::spawn(async move {
                tokio::time::sleep(KEPT).await;
                this.readings.forget(Instant::now());
            });
            said
        });
        finding_out.await.unwrap_or_else(|_| Err(CommandError::user("a bug of ours ended the compilation")))
    }

    async fn found_out(&self, wanted: &Wanted, known: &mut Option<Reading>) -> Result<Deliverable, CommandError> {
        let spec = CompiledFrom::spec_of(&wanted.object);
        let told = |said: &Result<Deliverable, String>| said.clone().map_err(CommandError::user);
        if let Some(reading) =
            known.as_ref().filter(|reading| reading.from.spec == spec && reading.at.elapsed() < LASTS)
        {
            return told(&reading.said);
        }
        // It fails only where nobody could take it any more.
        let _permit = self.readings.permits.acquire().await;
        let mut from = CompiledFrom { spec, pins: BTreeMap::new(), cluster: 0 };
        let (said, is_fleeting) = match Box::pin(self.asked_and_compiled(wanted, &mut from, known.as_ref())).await {
            Ok((said, is_fleeting)) => (Ok(said), is_fleeting),
            Err(error) => (Err(error.in_one_line()), true),
        };
        let reading = Reading { from, at: Instant::now(), said, is_fleeting };
        told(&known.insert(reading).said)
    }

    async fn asked_and_compiled(
        &self,
        wanted: &Wanted,
        from: &mut CompiledFrom,
        known: Option<&Reading>,
    ) -> Result<(Deliverable, bool), CommandError> {
        let Wanted { application, lints, place, .. } = wanted;
        if !self.settings.observes {
            // What one project alone may read is not read for all.
            self.credentials.known().await?;
        }
        for request in compile::requests(application) {
            let failed = |why| CommandError::user("a source cannot be had").details(vec![why]);
            let asked = Asked::of(self, application, &request);
            from.pins.insert(request, self.refs.look_up(&asked, LASTS).await.map_err(failed)?);
        }
        let failed = |failure: Failure| {
            CommandError::user("the cluster does not say which Kubernetes it is").details(vec![failure.to_string()])
        };
        let (capabilities, number) = place.cluster.kubernetes.told(&place.cluster.cluster).await.map_err(failed)?;
        from.cluster = number;
        if let Some(Reading { said: Ok(said), .. }) = known.filter(|known| known.from == *from && !known.is_fleeting) {
            return Ok((said.clone(), false));
        }
        let compiling = self.compiler.compile(application.clone(), lints.clone(), from.pins.clone(), capabilities);
        let compiled = compiling.await?;
        let is_fleeting = !compiled.implied.is_empty();
        Ok((Deliverable::of(&compiled), is_fleeting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_kept_and_not_for_long() {
        let (readings, began) = (Readings::default(), Instant::now());
        let id = |number: usize| AppId { namespace: "n".to_owned(), name: number.to_string() };
        let ask = |number: usize, second: u64| readings.slot(&id(number), began + Duration::from_secs(second));
        let first = ask(0, 0);
        for (number, second) in (1..MOST).zip(1..) {
            ask(number, second);
        }
        assert!(Arc::ptr_eq(&first, &ask(0, 20)), "it is kept");
        ask(MOST, 21);
        assert_eq!(readings.all().len(), MOST);
        assert!(!readings.all().contains_key(&id(1)), "nobody asked for it for longest");
        readings.forget(began + Duration::from_secs(20) + KEPT);
        assert_eq!(readings.all().keys().collect::<Vec<_>>(), [&id(MOST)]);
        readings.forget(began + Duration::from_secs(21) + KEPT);
        assert!(readings.all().is_empty());
    }
}
