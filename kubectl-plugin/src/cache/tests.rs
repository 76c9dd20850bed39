//! The cache without a real Redis: in memory, and before servers that mean harm. With a real one see `tests/cache.rs`.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gitops_compiler::store::Part;

use super::{Cache, CacheKey, Counts, Kind, Login, RedisSettings, for_store};

const KIND: Kind = Kind::new("test");

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn cache_at(address: &str) -> Cache {
    let settings = RedisSettings {
        address: address.parse().expect("an address"),
        login: Login::default(),
        sentinel_login: Login::default(),
        authorities: None,
    };
    Cache::in_redis(&settings, &CacheKey::new([1; 32])).expect("settings")
}

/// A cache, and what it tells.
fn telling(cache: Cache) -> (Cache, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    (cache.telling(move |message| heard.lock().expect("unpoisoned").push(message.to_owned())), told)
}

/// A server that does this with each connection; says how many there were.
fn server(answer: impl Fn(TcpStream) + Clone + Send + 'static) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("redis://{}", listener.local_addr().expect("bound"));
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            count.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            std::thread::spawn(move || answer(stream));
        }
    });
    (address, made)
}

#[test]
fn what_is_put_in_memory_comes_out() {
    runtime().block_on(async {
        let cache = Cache::in_memory(1 << 20);
        assert_eq!(cache.get(KIND, b"key").await, None);
        cache.put(KIND, b"key", &vec![7; 100_000]).await;
        assert_eq!(cache.get(KIND, b"key").await, Some(vec![7; 100_000]));
        assert_eq!(cache.get(Kind::new("other"), b"key").await, None);
        assert!(cache.bytes() < 1000, "it is packed");
        let expected = Counts { hits: 1, misses: 2, stored: 1, ..Counts::default() };
        assert_eq!((cache.counts(), cache.is_shared()), (expected, false));
    });
}

#[test]
fn a_store_is_served_from_threads_that_wait_and_others_do_not_panic() {
    let runtime = runtime();
    let cache = Arc::new(Cache::in_memory(1 << 20));
    let shared = for_store(Arc::clone(&cache), runtime.handle().clone());
    shared.put(Part::Memo, "name", b"bytes");
    while cache.counts().stored == 0 {
        std::thread::yield_now();
    }
    assert_eq!(shared.get(Part::Memo, "name").as_deref(), Some(&b"bytes"[..]));
    assert_eq!(shared.get(Part::Output, "name"), None);
    let (one, other) = (Arc::clone(&shared), Arc::clone(&shared));
    let blocking = runtime.block_on(runtime.spawn_blocking(move || one.get(Part::Memo, "name"))).expect("no panic");
    assert_eq!(blocking.as_deref(), Some(&b"bytes"[..]));
    // It may wait for itself here, and then has no answer.
    runtime.block_on(runtime.spawn(async move { other.get(Part::Memo, "name") })).expect("no panic");
    shared.withheld(Part::Graph);
    shared.refused(Part::Graph, "name");
    assert_eq!((cache.counts().withheld, cache.counts().refused), (1, 1));
    drop(runtime);
    assert_eq!(shared.get(Part::Memo, "name"), None, "nobody can be asked any more");
    shared.put(Part::Memo, "name", b"bytes");
}

#[test]
fn a_redis_that_is_not_there_is_asked_once_and_left_alone() {
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
    runtime().block_on(async {
        let (cache, told) = telling(cache_at(&format!("redis://127.0.0.1:{port}")));
        for _ in 0..100 {
            assert_eq!(cache.get(KIND, b"key").await, None);
            cache.put(KIND, b"key", b"value").await;
        }
        let counts = cache.counts();
        assert!(counts.failed >= 1 && counts.left_alone >= 100, "{counts:?}");
        assert!(counts.hits + counts.misses + counts.stored + counts.refused == 0, "{counts:?}");
        let told = told.lock().expect("unpoisoned").clone();
        assert!(told.len() == 1 && told[0].contains("refused") && told[0].ends_with("going on without it"), "{told:?}");
    });
}

#[test]
fn a_redis_that_never_answers_does_not_hold_anybody() {
    let (address, made) = server(|stream| {
        let _open = stream;
        std::thread::sleep(Duration::from_mins(10));
    });
    let runtime = runtime();
    let (cache, told) = telling(cache_at(&address));
    let cache = Arc::new(cache);
    let shared = for_store(Arc::clone(&cache), runtime.handle().clone());
    let begun = Instant::now();
    let asked = 1000;
    for _ in 0..asked {
        assert_eq!(shared.get(Part::Memo, "name"), None);
    }
    let (counts, waited) = (cache.counts(), begun.elapsed());
    assert_eq!(counts.failed + counts.left_alone, asked, "{counts:?}");
    // As often as the pauses between attempts allow, however slow this machine is.
    let attempts = usize::try_from(waited.as_secs() / super::circuit::PAUSE.as_secs()).expect("it fits") + 1;
    assert!(made.load(Ordering::SeqCst) <= attempts, "{} connections in {waited:?}", made.load(Ordering::SeqCst));
    let told = told.lock().expect("unpoisoned").clone();
    assert!(told.len() == 1 && told[0].contains("no answer"), "{told:?}");
}

#[test]
fn nonsense_is_a_failure_and_no_value() {
    for nonsense in
        ["HTTP/1.1 400 Bad Request\r\n\r\n", "$99999999999\r\nx", "*3\r\n", ":", "-ERR no\r\n-ERR no\r\n", ""]
    {
        let (address, _) = server(move |mut stream| {
            let mut asked = [0; 4096];
            while matches!(stream.read(&mut asked), Ok(1..)) {
                if nonsense.is_empty() || stream.write_all(nonsense.as_bytes()).is_err() {
                    return;
                }
            }
        });
        runtime().block_on(async {
            let cache = cache_at(&address);
            assert_eq!(cache.get(KIND, b"key").await, None, "{nonsense}");
            let counts = cache.counts();
            assert_eq!((counts.hits, counts.failed + counts.refused), (0, 1), "{nonsense}: {counts:?}");
        });
    }
}

#[test]
fn certificates_that_are_none_are_an_error() {
    let settings = RedisSettings {
        address: "rediss://localhost".parse().expect("an address"),
        login: Login::default(),
        sentinel_login: Login::default(),
        authorities: Some(b"-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n".to_vec()),
    };
    let error = Cache::in_redis(&settings, &CacheKey::new([1; 32])).err().expect("no certificate");
    assert!(error.to_string().starts_with("the settings of Redis cannot be used"), "{error}");
}
