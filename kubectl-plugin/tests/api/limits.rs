//! Whoever asks too much, or guesses, is told so; others do not notice.

use std::collections::BTreeSet;

use crate::asker::Asker;
use crate::people::People;

#[test]
fn who_guesses_is_stopped_and_who_is_known_is_not() {
    let people = People::new("api-guess");
    let reader = people.reader();
    let app = people.path("");
    assert_eq!(reader.get(&app).status, 200);
    let mut answers = BTreeSet::new();
    for number in 0..40 {
        let reply = Asker::new(&people.address, &format!("guess-{number}")).get(&app);
        assert_eq!(reply.header("retry-after"), (reply.status == 429).then_some("5"), "{reply:?}");
        answers.insert(reply.status);
        assert_eq!(reader.get(&app).status, 200, "from the same address");
    }
    assert_eq!(answers, BTreeSet::from([401, 429]));
}

#[test]
fn one_who_asks_too_often_is_in_nobodys_way() {
    let people = People::new("api-often");
    let stranger = people.somebody("stranger", people.own(), &[], &[]);
    let reader = people.reader();
    let app = people.path("");
    assert_eq!(reader.get(&app).status, 200);
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (stranger, app) = (stranger.clone(), app.clone());
            std::thread::spawn(move || (0..100).map(|_| stranger.get(&app).status).collect::<BTreeSet<u16>>())
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(reader.get(&app).status, 200);
    }
    let answers: BTreeSet<u16> = threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect();
    assert_eq!(answers, BTreeSet::from([404, 429]));
}

#[test]
fn one_has_so_many_streams_and_no_more() {
    let people = People::new("api-many");
    let reader = people.reader();
    let path = "/api/gitops/v1/stream/applications";
    let mut streams: Vec<_> = (0..32).map(|_| reader.events(path)).collect();
    for stream in &mut streams {
        assert!(stream.next().is_some());
    }
    assert_eq!(reader.get(path).status, 429);
    assert_eq!(people.writer().get(&people.path("")).status, 200);
    streams.pop();
    people.ground.until("its place is free", |_| reader.try_events(path).is_ok());
}
