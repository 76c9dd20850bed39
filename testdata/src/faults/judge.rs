//! What becomes of each request. Pure: requests come in as they are, one after another.

use std::time::{Duration, Instant};

use super::fault::{Effect, Fault, Refusal, WatchEnd, Which};

/// As much of a request as matters here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    /// With its query.
    pub(super) path: &'a str,
}

/// What is done with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is passed on.
    Pass,
    /// It is passed on late.
    Delay(Duration),
    /// It is passed on, and its answer is lost.
    Lose,
    /// It is passed on, and with its answer the client is dead.
    PassAndDie,
    /// The client is dead.
    Die,
    /// Nobody is there: the connection breaks off.
    Break,
    /// It is answered here.
    Refuse(Refusal),
    /// It is passed on, and ends early.
    EndWatch(usize, WatchEnd),
}

/// What has come so far.
#[derive(Debug)]
pub(super) struct Judge {
    faults: Vec<Fault>,
    any: usize,
    writing: usize,
    watches: usize,
    /// What is refused again: method, path, how, how often.
    again: Vec<(String, String, Refusal, usize)>,
    /// Groups whose CRD was just made, and until when they are not served.
    unserved: Vec<(String, Instant)>,
    /// Until when nobody is there.
    away: Option<Instant>,
    dead: bool,
}

impl Judge {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        Self {
            faults,
            any: 0,
            writing: 0,
            watches: 0,
            again: Vec::new(),
            unserved: Vec::new(),
            away: None,
            dead: false,
        }
    }

    /// Whether the client is taken for dead.
    pub(super) fn is_dead(&self) -> bool {
        self.dead
    }

    /// Whether nobody is there.
    pub(super) fn is_away(&self, now: Instant) -> bool {
        self.away.is_some_and(|until| now < until)
    }

    /// The client is dead from now on.
    pub(super) fn die(&mut self) {
        self.dead = true;
    }

    /// The number of a request, and what becomes of it.
    pub(super) fn next(&mut self, asked: Asked<'_>, now: Instant) -> (usize, Verdict) {
        self.any += 1;
        self.writing += usize::from(is_writing(asked));
        self.watches += usize::from(is_watch(asked));
        (self.any, self.verdict(asked, now))
    }

    fn verdict(&mut self, asked: Asked<'_>, now: Instant) -> Verdict {
        if self.dead {
            return Verdict::Die;
        }
        if self.is_away(now) {
            return Verdict::Break;
        }
        if let Some(position) = self.again.iter().position(|again| again.0 == asked.method && again.1 == asked.path) {
            let (_, _, refusal, left) = &mut self.again[position];
            let refusal = *refusal;
            *left -= 1;
            if *left == 0 {
                self.again.remove(position);
            }
            return Verdict::Refuse(refusal);
        }
        if self.unserved.iter().any(|(group, until)| now < *until && is_in_group(asked.path, group)) {
            return Verdict::Refuse(Refusal { status: 404, retry_after: None });
        }
        let is_its = |fault: &&Fault| match fault.which {
            Which::Any => fault.number == self.any,
            Which::Writing => is_writing(asked) && fault.number == self.writing,
            Which::Watch => is_watch(asked) && fault.number == self.watches,
        };
        // What holds everywhere is no event of a request.
        let is_event = |fault: &&Fault| !matches!(fault.effect, Effect::Lag(_) | Effect::Date(_)) && is_its(fault);
        let effect = self.faults.iter().find(is_event).map(|fault| fault.effect.clone());
        match effect {
            None | Some(Effect::Lag(_) | Effect::Date(_)) => Verdict::Pass,
            Some(Effect::DieBefore) => {
                self.dead = true;
                Verdict::Die
            }
            Some(Effect::DieAfter) => Verdict::PassAndDie,
            Some(Effect::LoseReply) => Verdict::Lose,
            Some(Effect::Outage(time)) => {
                self.away = Some(now + time);
                Verdict::Break
            }
            Some(Effect::Delay(time)) => Verdict::Delay(time),
            Some(Effect::EndWatch { after, end }) => Verdict::EndWatch(after, end),
            Some(Effect::Refuse { refusal, times }) => {
                if times > 1 {
                    self.again.push((asked.method.to_owned(), asked.path.to_owned(), refusal, times - 1));
                }
                Verdict::Refuse(refusal)
            }
        }
    }

    /// The date that all answers are of now, where it is not that of the server.
    pub(super) fn date(&self) -> Option<&str> {
        let begun = self.faults.iter().filter(|fault| fault.number <= self.any);
        let dates = begun.filter_map(|fault| match &fault.effect {
            Effect::Date(date) => Some((fault.number, date.as_str())),
            _ => None,
        });
        dates.max_by_key(|(number, _)| *number).map(|(_, date)| date)
    }

    /// A CRD was made.
    pub(super) fn made(&mut self, crd: &str, now: Instant) {
        let lag = self.faults.iter().find_map(|fault| match fault.effect {
            Effect::Lag(time) => Some(time),
            _ => None,
        });
        if let (Some(lag), Some((_, group))) = (lag, crd.split_once('.')) {
            self.unserved.push((group.to_owned(), now + lag));
        }
    }
}

pub(super) fn is_writing(asked: Asked<'_>) -> bool {
    !matches!(asked.method, "GET" | "HEAD")
}

pub(super) fn is_watch(asked: Asked<'_>) -> bool {
    asked.path.split_once('?').is_some_and(|(_, query)| query.split('&').any(|part| part == "watch=true"))
}

fn is_in_group(path: &str, group: &str) -> bool {
    path.strip_prefix("/apis/").and_then(|rest| rest.strip_prefix(group)).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: Asked<'_> = Asked { method: "GET", path: "/api/v1/secrets/a" };
    const PUT: Asked<'_> = Asked { method: "PUT", path: "/api/v1/secrets/a" };
    const WATCH: Asked<'_> = Asked { method: "GET", path: "/api/v1/pods?watch=true&timeoutSeconds=5" };

    fn verdicts(faults: Vec<Fault>, asked: &[Asked<'_>]) -> Vec<Verdict> {
        let mut judge = Judge::new(faults);
        asked.iter().map(|asked| judge.next(*asked, Instant::now()).1).collect()
    }

    #[test]
    fn each_kind_of_requests_is_counted_by_itself() {
        let fault = |which, number| Fault { which, number, effect: Effect::LoseReply };
        let faults = vec![fault(Which::Any, 2), fault(Which::Writing, 2), fault(Which::Watch, 1)];
        let (pass, lose) = (Verdict::Pass, Verdict::Lose);
        let found = verdicts(faults, &[PUT, GET, GET, PUT, WATCH, WATCH]);
        assert_eq!(found, [pass.clone(), lose.clone(), pass.clone(), lose.clone(), lose, pass]);
    }

    #[test]
    fn the_dead_do_nothing_more() {
        let found = verdicts(vec![Fault::at(2, Effect::DieBefore)], &[GET, PUT, GET]);
        assert_eq!(found, [Verdict::Pass, Verdict::Die, Verdict::Die]);
        let mut judge = Judge::new(vec![Fault::at(1, Effect::DieAfter)]);
        assert_eq!(judge.next(PUT, Instant::now()), (1, Verdict::PassAndDie));
        judge.die();
        assert_eq!(judge.next(GET, Instant::now()), (2, Verdict::Die));
    }

    #[test]
    fn a_request_is_refused_as_often_as_said_and_no_other_with_it() {
        let refusal = Refusal { status: 429, retry_after: Some(1) };
        let found = verdicts(vec![Fault::at(1, Effect::Refuse { refusal, times: 2 })], &[PUT, GET, PUT, PUT]);
        assert_eq!(found, [Verdict::Refuse(refusal), Verdict::Pass, Verdict::Refuse(refusal), Verdict::Pass]);
    }

    #[test]
    fn nobody_is_there_for_a_while() {
        let mut judge = Judge::new(vec![Fault::at(2, Effect::Outage(Duration::from_secs(5)))]);
        let now = Instant::now();
        assert_eq!(judge.next(GET, now).1, Verdict::Pass);
        assert_eq!((judge.next(GET, now).1, judge.next(PUT, now).1), (Verdict::Break, Verdict::Break));
        assert!(judge.is_away(now) && !judge.is_away(now + Duration::from_secs(6)));
        assert_eq!(judge.next(PUT, now + Duration::from_secs(6)).1, Verdict::Pass);
    }

    #[test]
    fn a_group_is_served_late_and_no_other_with_it() {
        let mut judge = Judge::new(vec![Fault::at(1, Effect::Lag(Duration::from_secs(2)))]);
        let now = Instant::now();
        let in_group = Asked { method: "PATCH", path: "/apis/a.example/v1/things/x" };
        assert_eq!(judge.next(in_group, now).1, Verdict::Pass, "there is no CRD yet");
        judge.made("things.a.example", now);
        assert!(matches!(judge.next(in_group, now).1, Verdict::Refuse(Refusal { status: 404, .. })));
        let other = Asked { method: "GET", path: "/apis/a.example.com/v1/things" };
        assert_eq!(judge.next(other, now).1, Verdict::Pass);
        assert_eq!(judge.next(in_group, now + Duration::from_secs(3)).1, Verdict::Pass);
    }
}
