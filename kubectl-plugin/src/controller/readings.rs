//! What Git says of Applications for which nobody follows Git here: another replica does, or this is `kubectl gitops ui`.
//!
//! In: an Application that its project permits, and its cluster. Out: [`Deliverable`], for whoever wants to see it. Sources are asked
//! what they are, and what that compiles to is kept for a while. Nothing follows from it: what the controller itself knows of
//! repositories and Applications stays as it is. However many ask, one Application is compiled once at a time, and few are
//! altogether. What was begun goes on where whoever asked goes away: the next one has it.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use gitops_compiler::app::Application;
use gitops_compiler::diagnostic::Diagnostic;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::application::AppId;
use crate::cluster::Failure;
use crate::error::CommandError;

use super::Controller;
use super::apps::CompiledFrom;
use super::clusters::Place;
use super::clusters::in_use::ClusterInUse;
use super::compile;
use super::preview::Deliverable;
use super::refs::Asked;

/// What Git says holds for so long: whoever sees a plan may look at the differences next.
const LASTS: Duration = Duration::from_secs(10);

/// What was compiled is kept for so long after somebody asked for it: most of it is the same when they ask again.
const KEPT: Duration = Duration::from_mins(5);

/// Of so many Applications at most.
const MOST: usize = 16;

/// So many servers are asked at once; those who follow Git have more.
const QUESTIONS: usize = 4;

/// What becomes of a question where a bug of ours shows.
const BUG: &str = "a bug of ours ended the compilation";

/// All of them.
pub(super) struct Readings {
    all: Mutex<BTreeMap<AppId, Slot>>,
    compiling: Semaphore,
    asking: Semaphore,
}

/// Of one Application.
struct Slot {
    used: Instant,
    running: Option<Running>,
    /// What was found out last.
    last: Option<Last>,
    /// What was compiled last, and may be the same next time.
    good: Option<Arc<Good>>,
}

/// Somebody finds out.
struct Running {
    spec: [u8; 32],
    said: Shared<BoxFuture<'static, Said>>,
}

type Said = Result<Deliverable, String>;

struct Last {
    spec: [u8; 32],
    at: Instant,
    said: Said,
}

struct Good {
    from: CompiledFrom,
    /// The number of a Kubernetes is of one cluster, for as long as that is in use.
    cluster: Weak<ClusterInUse>,
    said: Deliverable,
}

/// Of which Application.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) id: AppId,
    /// What its graph depends on: [`CompiledFrom::spec_of`].
    pub(super) spec: [u8; 32],
    pub(super) application: Application,
    pub(super) lints: Vec<Diagnostic>,
    pub(super) place: Place,
}

impl Default for Readings {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let (compiling, asking) = (Semaphore::new((processors / 2).max(1)), Semaphore::new(QUESTIONS));
        Self { all: Mutex::default(), compiling, asking }
    }
}

impl Readings {
    /// The place of an Application; nothing where something is found out in all places.
    fn slot<'a>(all: &'a mut BTreeMap<AppId, Slot>, id: &AppId, now: Instant) -> Option<&'a mut Slot> {
        all.retain(|_, slot| slot.is_kept(now));
        if !all.contains_key(id) && all.len() >= MOST {
            let idle = all.iter().filter(|(_, slot)| slot.running.is_none());
            let oldest = idle.min_by_key(|(_, slot)| slot.used).map(|(id, _)| id.clone())?;
            all.remove(&oldest);
        }
        let empty = || Slot { used: now, running: None, last: None, good: None };
        let slot = all.entry(id.clone()).or_insert_with(empty);
        slot.used = now;
        Some(slot)
    }

    /// Remembers what was found out.
    fn end(&self, wanted: &Wanted, said: Said, good: Option<Arc<Good>>) {
        let now = Instant::now();
        if let Some(slot) = self.all().get_mut(&wanted.id) {
            slot.running = None;
            slot.used = now;
            slot.last = Some(Last { spec: wanted.spec, at: now, said });
            // A server that is away for a moment costs nothing later.
            slot.good = good.or(slot.good.take());
        }
    }

    /// Lets go of what nobody asks for any more.
    fn forget(&self, now: Instant) {
        self.all().retain(|_, slot| slot.is_kept(now));
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<AppId, Slot>> {
        // Each change is whole before the next begins.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn is_kept(&self, now: Instant) -> bool {
        self.running.is_some() || now.duration_since(self.used) < KEPT
    }
}

impl Controller {
    /// What Git says of an Application, whoever follows Git for it.
    ///
    /// # Errors
    /// As the status would tell them; and where others are asked about first.
    pub(super) async fn reading(self: &Arc<Self>, wanted: Wanted) -> Result<Deliverable, CommandError> {
        let running = match self.joined(&wanted) {
            Ok(running) => running,
            Err(said) => return said.map_err(CommandError::user),
        };
        let (spec, said) = (running.0, running.1.await);
        if spec != wanted.spec {
            // What the project permits of it was asked before.
            return Err(CommandError::user("the Application has changed meanwhile: ask again"));
        }
        said.map_err(CommandError::user)
    }

    /// What somebody finds out now, and of which spec; or what is known.
    fn joined(self: &Arc<Self>, wanted: &Wanted) -> Result<([u8; 32], Shared<BoxFuture<'static, Said>>), Said> {
        let mut all = self.readings.all();
        let Some(slot) = Readings::slot(&mut all, &wanted.id, Instant::now()) else {
            return Err(Err("too many Applications are asked about at once: ask again".to_owned()));
        };
        if let Some(Running { spec, said }) = &slot.running {
            return Ok((*spec, said.clone()));
        }
        let is_fresh = |last: &&Last| last.spec == wanted.spec && last.at.elapsed() < LASTS;
        if let Some(last) = slot.last.as_ref().filter(is_fresh) {
            return Err(last.said.clone());
        }
        let (this, wanted, good) = (Arc::clone(self), wanted.clone(), slot.good.clone());
        let spec = wanted.spec;
        // It goes on without whoever asks. It cannot end before it is known here that it runs.
        let task = tokio::spawn(async move {
            let finding = AssertUnwindSafe(Box::pin(this.found_out(&wanted, good))).catch_unwind();
            let (said, good) = finding.await.unwrap_or_else(|_| (Err(BUG.to_owned()), None));
            this.readings.end(&wanted, said.clone(), good);
            tokio::spawn(async move {
                tokio::time::sleep(KEPT).await;
                this.readings.forget(Instant::now());
            });
            said
        });
        let said = async { task.await.unwrap_or_else(|_| Err(BUG.to_owned())) }.boxed().shared();
        slot.running = Some(Running { spec, said: said.clone() });
        Ok((spec, said))
    }

    async fn found_out(&self, wanted: &Wanted, good: Option<Arc<Good>>) -> (Said, Option<Arc<Good>>) {
        match Box::pin(self.asked_and_compiled(wanted, good)).await {
            Ok((said, good)) => (Ok(said), good),
            Err(error) => (Err(error.in_one_line()), None),
        }
    }

    async fn asked_and_compiled(
        &self,
        wanted: &Wanted,
        good: Option<Arc<Good>>,
    ) -> Result<(Deliverable, Option<Arc<Good>>), CommandError> {
        let Wanted { application, lints, place, .. } = wanted;
        if self.settings.observes.is_none() {
            // What one project alone may read is not read for all.
            self.credentials.known().await?;
        }
        let mut pins = BTreeMap::new();
        for request in compile::requests(application) {
            let failed = |why| CommandError::user("a source cannot be had").details(vec![why]);
            let asked = Asked::of(self, application, &request);
            let _turn = self.readings.asking.acquire().await;
            pins.insert(request, self.refs.look_up(&asked, LASTS).await.map_err(failed)?);
        }
        let failed = |failure: Failure| {
            CommandError::user("the cluster does not say which Kubernetes it is").details(vec![failure.to_string()])
        };
        let (capabilities, number) = place.cluster.kubernetes.told(&place.cluster.cluster).await.map_err(failed)?;
        let (from, cluster) =
            (CompiledFrom { spec: wanted.spec, pins, cluster: number }, Arc::downgrade(&place.cluster));
        let is_same = |good: &Arc<Good>| good.from == from && good.cluster.ptr_eq(&cluster);
        if let Some(good) = good.filter(is_same) {
            return Ok((good.said.clone(), Some(good)));
        }
        let _turn = self.readings.compiling.acquire().await;
        let compiling = self.compiler.compile(application.clone(), lints.clone(), from.pins.clone(), capabilities);
        let compiled = Box::pin(compiling).await?;
        let said = Deliverable::of(&compiled);
        // What was looked up beside the sources may be something else the next time.
        let good = compiled.implied.is_empty().then(|| Arc::new(Good { from, cluster, said: said.clone() }));
        Ok((said, good))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_kept_and_not_for_long() {
        let (readings, began) = (Readings::default(), Instant::now());
        let id = |number: usize| AppId { namespace: "n".to_owned(), name: number.to_string() };
        let ask = |number: usize, second: u64| {
            Readings::slot(&mut readings.all(), &id(number), began + Duration::from_secs(second)).is_some()
        };
        for (number, second) in (0..MOST).zip(0..) {
            assert!(ask(number, second));
        }
        assert!(ask(0, 20) && ask(MOST, 21));
        assert_eq!(readings.all().len(), MOST);
        assert!(!readings.all().contains_key(&id(1)), "nobody asked for it for longest");
        let said = || async { Err(String::new()) }.boxed().shared();
        for slot in readings.all().values_mut() {
            slot.running = Some(Running { spec: [0; 32], said: said() });
        }
        assert!(!ask(1, 22) && ask(0, 22), "all places are taken, and who is there waits");
        readings.forget(began + Duration::from_secs(22) + KEPT);
        assert_eq!(readings.all().len(), MOST, "what runs is kept");
        readings.all().values_mut().for_each(|slot| slot.running = None);
        readings.forget(began + Duration::from_secs(21) + KEPT);
        assert_eq!(readings.all().keys().collect::<Vec<_>>(), [&id(0)]);
        readings.forget(began + Duration::from_secs(22) + KEPT);
        assert!(readings.all().is_empty());
    }
}
