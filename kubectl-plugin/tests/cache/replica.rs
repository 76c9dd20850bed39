//! Replicas: each has a store of its own, and they have one Redis in common.
#![allow(dead_code, reason = "each test program uses a part of this")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gitops_compiler::app::{AppSpec, Directory, Source};
use gitops_compiler::compile::{Compilation, Sources, compile};
use gitops_compiler::lint::Levels;
use gitops_compiler::store::Store;
use gitops_compiler::tree::Snapshot;
use gitops_testdata::servers::RedisServer;
use kubectl_gitops::cache::{Cache, CacheKey, Login, RedisSettings, for_store};
use kubectl_gitops::fetch::Secret;
use redis::IntoConnectionInfo as _;

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_mins(1);

/// What all replicas of these tests share.
pub(crate) const KEY: [u8; 32] = [42; 32];

/// A Redis.
pub(crate) struct World {
    pub(crate) server: RedisServer,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { server: RedisServer::start().expect("Redis starts") }
    }

    pub(crate) fn settings(&self) -> RedisSettings {
        settings(&self.server.address(), self.server.password())
    }

    /// A connection that is not ours, but of somebody who knows the password.
    pub(crate) fn client(&self) -> redis::Connection {
        self.stranger().get_connection().expect("it answers")
    }

    /// Somebody who knows the password, and may connect again.
    pub(crate) fn stranger(&self) -> redis::Client {
        let info = self.server.address().into_connection_info().expect("an address");
        let who = info.redis_settings().clone().set_password(self.server.password());
        redis::Client::open(info.set_redis_settings(who)).expect("an address")
    }
}

pub(crate) fn settings(address: &str, password: &str) -> RedisSettings {
    let login = Login { user: None, password: Some(Secret::new(password)) };
    let address = address.parse().expect("an address");
    RedisSettings { address, login, sentinel_login: Login::default(), authorities: None }
}

/// A replica.
pub(crate) struct Replica {
    pub(crate) cache: Arc<Cache>,
    told: Arc<Mutex<Vec<String>>>,
    store: Store,
    _folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Replica {
    pub(crate) fn new(settings: &RedisSettings) -> Self {
        Self::with_key(settings, KEY)
    }

    pub(crate) fn with_key(settings: &RedisSettings, key: [u8; 32]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        let cache = Cache::in_redis(settings, &CacheKey::new(key)).expect("settings");
        let cache = cache.telling(move |message| heard.lock().expect("unpoisoned").push(message.to_owned()));
        let cache = Arc::new(cache);
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("a store");
        let store = store.with_shared(for_store(Arc::clone(&cache), runtime.handle().clone()));
        Self { cache, told, store, _folder: folder, _runtime: runtime }
    }

    /// What it told of Redis last, unless all is well again.
    pub(crate) fn trouble(&self) -> Option<String> {
        let told = self.told.lock().expect("unpoisoned");
        told.last().filter(|last| !last.contains("again")).cloned()
    }

    pub(crate) fn compile(&self, files: &Files) -> Compilation {
        compiled(files, Some(&self.store))
    }

    /// Values are stored while the compilation goes on.
    pub(crate) fn wait_until_stored(&self, values: u64) {
        let begun = Instant::now();
        while self.cache.counts().stored < values {
            assert!(begun.elapsed() < PATIENCE, "{:?} {:?}", self.cache.counts(), self.trouble());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// What comes of it without any store.
pub(crate) fn reference(files: &Files) -> Compilation {
    compiled(files, None)
}

fn compiled(files: &Files, store: Option<&Store>) -> Compilation {
    let app = AppSpec::folder("app".parse().expect("a name"), Source::directory(Directory::default()));
    let snapshot = Snapshot::from_memory(files.clone());
    let mut warn = |warning: String| panic!("{warning}");
    compile(&Sources::folder(&snapshot, &app), &Levels::default(), store, &mut warn).expect("it compiles")
}

/// An application of two objects; another for each version.
pub(crate) fn application(version: usize) -> Files {
    let object = |name: &str| {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{v: 'old', v: '{version}'}}\n"
        );
        (format!("{name}.yaml"), text.into_bytes())
    };
    Files::from([object("a"), object("b")])
}

pub(crate) fn same(one: &Compilation, other: &Compilation) {
    assert_eq!(one.graph, other.graph);
    assert_eq!((one.recipe, &one.provenance, one.files), (other.recipe, &other.provenance, other.files));
    let told = |of: &Compilation| of.lints.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(told(one), told(other));
}
