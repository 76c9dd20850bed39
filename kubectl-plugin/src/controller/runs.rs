//! What is told of the sync that runs, of each Application, for whoever looks on.
//!
//! In: events of a run, as it goes. Out: the same as text, from the first on for whoever comes late, then each as it comes. So
//! many of each run are kept: whoever is behind for more is told how many are missing. A run that is over is kept for a while,
//! so that whoever asks for a sync and then looks sees it whole, however short it was.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::application::AppId;
use crate::json::{EventJson, RunEventJson};

/// So many events of one run are kept beside its first.
const MOST_EVENTS: usize = 2000;
/// So many runs that are over are kept.
const MOST_OVER: usize = 16;

/// All runs.
#[derive(Debug)]
pub struct Runs {
    all: Mutex<All>,
    /// How many have begun.
    begun: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct All {
    runs: BTreeMap<AppId, Arc<Run>>,
    /// Those that are over, the oldest first.
    over: VecDeque<Arc<Run>>,
    begun: u64,
}

/// One run of an Application.
#[derive(Debug)]
pub struct Run {
    id: AppId,
    /// Tells it from the others of this process.
    pub number: u64,
    kept: Mutex<Kept>,
    /// How many events there are.
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    first: Option<Arc<str>>,
    /// Those after the first, the last of them the newest.
    rest: VecDeque<Arc<str>>,
    told: u64,
}

/// What whoever looks on has not heard.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct News {
    /// How many events are not kept any more.
    pub missing: u64,
    /// The others, each with its number.
    pub events: Vec<(u64, Arc<str>)>,
}

impl Default for Runs {
    fn default() -> Self {
        Self { all: Mutex::default(), begun: watch::Sender::new(0) }
    }
}

impl Runs {
    /// A run of an Application begins; the one before is not told of any more.
    pub fn begin(&self, id: &AppId) -> Arc<Run> {
        let mut all = lock(&self.all);
        all.begun += 1;
        let number = all.begun;
        let run = Arc::new(Run { id: id.clone(), number, kept: Mutex::default(), newest: watch::Sender::new(0) });
        all.runs.insert(id.clone(), Arc::clone(&run));
        drop(all);
        self.begun.send_replace(number);
        run
    }

    /// It is over.
    pub fn end(&self, run: &Arc<Run>) {
        let mut all = lock(&self.all);
        all.over.push_back(Arc::clone(run));
        if all.over.len() > MOST_OVER
            && let Some(oldest) = all.over.pop_front()
            && all.runs.get(&oldest.id).is_some_and(|known| Arc::ptr_eq(known, &oldest))
        {
            all.runs.remove(&oldest.id);
        }
    }

    /// The run that goes on, or went last, where it is kept.
    #[must_use]
    pub fn get(&self, id: &AppId) -> Option<Arc<Run>> {
        lock(&self.all).runs.get(id).cloned()
    }

    /// Tells when one begins, of whichever Application.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.begun.subscribe()
    }
}

impl Run {
    /// Something happened.
    pub fn tell(&self, event: RunEventJson) {
        let text: Arc<str> = serde_json::to_string(&EventJson::now(event)).unwrap_or_default().into();
        let mut kept = lock(&self.kept);
        kept.told += 1;
        let told = kept.told;
        if kept.first.is_none() {
            kept.first = Some(text);
        } else {
            kept.rest.push_back(text);
            if kept.rest.len() > MOST_EVENTS {
                kept.rest.pop_front();
            }
        }
        drop(kept);
        self.newest.send_replace(told);
    }

    /// Whether nothing was told of it.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        *self.newest.borrow() == 0
    }

    /// What came after so many events.
    #[must_use]
    pub fn since(&self, heard: u64) -> News {
        let kept = lock(&self.kept);
        let first = kept.first.iter().filter(|_| heard == 0).map(|text| (1, Arc::clone(text)));
        let rest = u64::try_from(kept.rest.len()).unwrap_or(u64::MAX);
        // The number of the oldest that is kept beside the first.
        let oldest = (kept.told + 1).saturating_sub(rest).max(2);
        let wanted = heard.max(1) + 1;
        let later = (oldest..).zip(kept.rest.iter()).skip_while(|(number, _)| *number < wanted);
        let events = first.chain(later.map(|(number, text)| (number, Arc::clone(text)))).collect();
        News { missing: oldest.saturating_sub(wanted), events }
    }

    /// Tells when there is more.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is whole before the next begins.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> AppId {
        AppId { namespace: "n".to_owned(), name: name.to_owned() }
    }

    fn note(number: usize) -> RunEventJson {
        RunEventJson::Note { message: format!("note {number}") }
    }

    fn numbers(news: &News) -> Vec<u64> {
        news.events.iter().map(|(number, _)| *number).collect()
    }

    #[test]
    fn whoever_comes_late_hears_all_and_then_what_follows() {
        let runs = Runs::default();
        let run = runs.begin(&id("a"));
        assert!(run.is_silent() && run.since(0) == News::default());
        (1..=3).for_each(|number| run.tell(note(number)));
        let news = run.since(0);
        assert_eq!((numbers(&news), news.missing), (vec![1, 2, 3], 0));
        assert!(news.events[2].1.contains("note 3") && news.events[2].1.contains("\"time\""));
        assert_eq!(numbers(&run.since(2)), [3]);
        assert_eq!(run.since(3), News::default());
        assert_eq!(run.since(99), News::default(), "of another process");
    }

    #[test]
    fn so_many_are_kept_and_whoever_is_behind_is_told() {
        let runs = Runs::default();
        let run = runs.begin(&id("a"));
        (1..=MOST_EVENTS + 11).for_each(|number| run.tell(note(number)));
        let news = run.since(0);
        assert_eq!((news.missing, news.events.len()), (10, MOST_EVENTS + 1));
        assert_eq!((numbers(&news)[0], numbers(&news)[1]), (1, 12));
        let newest = u64::try_from(MOST_EVENTS).expect("a number") + 11;
        assert_eq!(numbers(&run.since(newest - 1)), [newest]);
    }

    #[test]
    fn a_run_that_is_over_is_kept_until_others_are() {
        let runs = Runs::default();
        let (first, again) = (runs.begin(&id("a")), runs.begin(&id("b")));
        runs.end(&first);
        runs.end(&again);
        let goes_on = runs.begin(&id("b"));
        for other in 0..MOST_OVER {
            runs.end(&runs.begin(&id(&format!("other-{other}"))));
        }
        assert!(runs.get(&id("a")).is_none());
        assert_eq!(runs.get(&id("b")).map(|run| run.number), Some(goes_on.number), "it is another one");
        assert_eq!(lock(&runs.all).runs.len(), MOST_OVER + 1);
    }
}
