//! Many contents of Git LFS at once, as `git lfs` itself gets them.
//!
//! In: a repository, pointers. Out: what gets each content. Guarantees: [`MOST_OBJECTS`] are asked for in one request, and
//! [`AT_ONCE`] contents come at the same time; one that cannot be had keeps none of the others away; a server that fails as a
//! whole is not asked again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use gitops_compiler::tree::Pointer;

use super::error::FetchError;
use super::lfs::Lfs;

/// How many objects are asked for in one request.
pub(super) const MOST_OBJECTS: usize = 100;
/// How many contents are fetched at the same time.
pub(super) const AT_ONCE: usize = 8;

/// Gets one content, when it is called, or says why there is none.
pub type Getting<'g> = dyn Fn() -> Result<Vec<u8>, FetchError> + 'g;

impl Lfs {
    /// The contents of pointers in a repository, which may name the `server`: `take` is called for each of them, from several
    /// threads at the same time, with what gets its content. It may leave that out.
    pub fn contents(
        &self,
        repository: &str,
        server: Option<&str>,
        pointers: &[Pointer],
        take: &(dyn Fn(&Pointer, &Getting<'_>) + Sync),
    ) {
        let place = (repository.to_owned(), server.map(str::to_owned));
        for some in pointers.chunks(MOST_OBJECTS) {
            match self.ask(&place, some) {
                Ok(asked) => at_once(some, &|pointer| take(pointer, &|| self.content_of(&place, &asked, pointer))),
                Err(error) => some.iter().for_each(|pointer| take(pointer, &|| Err(error.clone()))),
            }
        }
    }
}

/// Does something for each pointer, for [`AT_ONCE`] of them at the same time.
fn at_once(pointers: &[Pointer], work: &(dyn Fn(&Pointer) + Sync)) {
    let next = AtomicUsize::new(0);
    let some = || {
        while let Some(pointer) = pointers.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(pointer);
        }
    };
    thread::scope(|scope| {
        for _ in 1..AT_ONCE.min(pointers.len()) {
            // Where there are no more threads, those that there are do all of it.
            let _ = thread::Builder::new().name("large files".to_owned()).spawn_scoped(scope, some);
        }
        some();
    });
}
