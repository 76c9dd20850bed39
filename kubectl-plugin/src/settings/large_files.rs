//! Files that Git LFS keeps: whether they are wanted, and where their contents come from.
//!
//! In: the address of a repository, pointers. Out: contents: those that were fetched before, else those that the server of
//! the repository gives. They are wanted of all repositories with `--lfs`, and of those whose Secret says `enableLfs`, as in
//! Argo CD. A pointer pins its content, so that neither the lock nor the policy for inputs has a say.
//!
//! Guarantees: each content is fetched once in the life of [`FetchedLargeFiles`], however many ask for it; those that are asked
//! for together are fetched together; there are at most
//! [`MOST_FILES`] of them, of [`MOST_BYTES`] together; nothing is fetched with `--offline`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use gitops_compiler::canon::{Id, Input};
use gitops_compiler::store::Store;
use gitops_compiler::tree::{LargeFile, LargeFiles, Pointer};

use crate::fetch::{Access, Getting, Git, Lfs};

use super::fetched::told;

/// How many contents are fetched for one command.
const MOST_FILES: usize = 10_000;
/// How many bytes they may have together: 1 GiB.
const MOST_BYTES: u64 = 1 << 30;

/// Gets contents for all repositories.
pub(super) struct FetchedLargeFiles {
    access: Access,
    git: Arc<Git>,
    everywhere: bool,
    offline: bool,
    store: Option<Store>,
    lfs: OnceLock<Lfs>,
    answers: Mutex<BTreeMap<Wanted, Arc<OnceLock<Answer>>>>,
    fetched: Mutex<Fetched>,
}

/// A content that a repository has, by what it says of its server.
type Wanted = (String, Option<String>, Pointer);

/// The content where the store does not keep it, or why there is none.
type Answer = Result<Option<Arc<[u8]>>, String>;

#[derive(Default)]
struct Fetched {
    files: usize,
    bytes: u64,
}

/// Those of one repository.
struct OfRepository {
    all: Arc<FetchedLargeFiles>,
    address: Option<String>,
}

impl FetchedLargeFiles {
    /// Nothing is asked yet. They are wanted `everywhere`, or where a Secret says so.
    pub(super) fn new(access: Access, git: Arc<Git>, everywhere: bool, offline: bool, store: Option<Store>) -> Self {
        let (lfs, answers, fetched) = (OnceLock::new(), Mutex::default(), Mutex::default());
        Self { access, git, everywhere, offline, store, lfs, answers, fetched }
    }

    /// Who gets those of a repository, by the addresses that it is known by; none where they are not wanted. Asked is the
    /// first that has a Secret which wants them, else the first.
    pub(super) fn of(self: &Arc<Self>, addresses: &[&str]) -> Option<Arc<dyn LargeFiles>> {
        let said = addresses.iter().find(|address| self.access.wants_lfs(address));
        if said.is_none() && !self.everywhere {
            return None;
        }
        let address = said.or(addresses.first()).map(|address| (*address).to_owned());
        Some(Arc::new(OfRepository { all: Arc::clone(self), address }))
    }

    fn content(&self, address: &str, file: &LargeFile) -> Result<Vec<u8>, String> {
        let LargeFile { pointer, server } = file;
        let fetch = || {
            if self.offline {
                return Err("it was never fetched to this machine, and nothing is with --offline".to_owned());
            }
            self.fetch(pointer, &|| self.lfs().content(address, server.as_deref(), pointer))
        };
        match self.answer(address, server.as_deref(), pointer).get_or_init(fetch) {
            Ok(Some(content)) => Ok(content.to_vec()),
            Ok(None) => self.kept(pointer).ok_or_else(|| "it went from the store while it was needed".to_owned()),
            Err(why) => Err(why.clone()),
        }
    }

    /// Fetches those that nobody has yet.
    fn prepare(&self, address: &str, files: &[LargeFile]) {
        if self.offline {
            return;
        }
        let is_kept = |pointer: &Pointer| self.store.as_ref().is_some_and(|store| store.has_input(id(pointer)));
        let mut of_servers: BTreeMap<Option<&str>, Vec<Pointer>> = BTreeMap::new();
        for LargeFile { pointer, server } in files {
            let server = server.as_deref();
            if !is_kept(pointer) && self.answer(address, server, pointer).get().is_none() {
                of_servers.entry(server).or_default().push(*pointer);
            }
        }
        for (server, pointers) in of_servers {
            self.lfs().contents(address, server, &pointers, &|pointer, getting| {
                self.answer(address, server, pointer).get_or_init(|| self.fetch(pointer, getting));
            });
        }
    }

    fn lfs(&self) -> &Lfs {
        self.lfs.get_or_init(|| Lfs::new(self.access.clone(), Arc::clone(&self.git)))
    }

    /// Where the answer is, once there is one.
    fn answer(&self, address: &str, server: Option<&str>, pointer: &Pointer) -> Arc<OnceLock<Answer>> {
        let wanted = (address.to_owned(), server.map(str::to_owned), *pointer);
        Arc::clone(self.answers.lock().unwrap_or_else(PoisonError::into_inner).entry(wanted).or_default())
    }

    fn fetch(&self, pointer: &Pointer, getting: &Getting<'_>) -> Answer {
        self.count(pointer.size())?;
        let content = getting().map_err(told)?;
        let is_kept = self.store.as_ref().is_some_and(|store| store.put_input(id(pointer), &content).is_ok());
        Ok((!is_kept).then(|| content.into()))
    }

    fn count(&self, size: u64) -> Result<(), String> {
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        if fetched.files >= MOST_FILES || fetched.bytes + size > MOST_BYTES {
            let most = MOST_BYTES >> 30;
            return Err(format!("more than {MOST_FILES} contents or {most} GiB of them would have to be fetched"));
        }
        fetched.files += 1;
        fetched.bytes += size;
        Ok(())
    }

    fn kept(&self, pointer: &Pointer) -> Option<Vec<u8>> {
        let content = self.store.as_ref()?.input(id(pointer))?;
        pointer.check(&content).is_ok().then_some(content)
    }
}

impl LargeFiles for OfRepository {
    fn content(&self, file: &LargeFile) -> Result<Vec<u8>, String> {
        if let Some(content) = self.all.kept(&file.pointer) {
            return Ok(content);
        }
        match &self.address {
            Some(address) => self.all.content(address, file),
            None => Err("it is not in `.git/lfs`, and the repository has no remote that could be asked".to_owned()),
        }
    }

    fn prepare(&self, files: &[LargeFile]) {
        if let Some(address) = &self.address {
            self.all.prepare(address, files);
        }
    }
}

/// As of any other input: by its digest.
fn id(pointer: &Pointer) -> Id<Input> {
    Id::of(format!("sha256:{}", pointer.oid()).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::{Credentials, Mirrors};

    const SECRET: &str = "kind: Secret\nmetadata: {labels: {argocd.argoproj.io/secret-type: repository}}\nstringData: {url: \
                          'https://git.example.com/shop.git', enableLfs: 'true'}\n";

    fn files(everywhere: bool) -> Arc<FetchedLargeFiles> {
        let credentials = Credentials::read("secrets.yaml", SECRET.as_bytes()).expect("a credential");
        let access = Access::new().credentials(credentials);
        let mirrors = Mirrors::in_folder(std::path::PathBuf::new());
        let git = Git::new(access.clone(), mirrors, None, std::time::Duration::from_secs(1));
        Arc::new(FetchedLargeFiles::new(access, Arc::new(git), everywhere, true, None))
    }

    #[test]
    fn they_are_wanted_where_a_secret_or_the_flag_says_so() {
        let (some, all) = (files(false), files(true));
        let (shop, other) = ("https://git.example.com/shop", "https://git.example.com/other.git");
        assert!(some.of(&[other, shop]).is_some() && some.of(&[other]).is_none() && some.of(&[]).is_none());
        assert!(all.of(&[other]).is_some() && all.of(&[]).is_some());
        let file = LargeFile { pointer: Pointer::of(b"x"), server: None };
        let told =
            |addresses: &[&str]| all.of(addresses).expect("wanted").content(&file).expect_err("nothing is there");
        assert!(told(&[]).contains("no remote") && told(&[other]).contains("--offline"));
    }

    #[test]
    fn there_is_an_end_to_what_is_fetched() {
        let files = files(true);
        assert_eq!(files.count(MOST_BYTES), Ok(()));
        assert!(files.count(1).expect_err("too many bytes").contains("1 GiB"));
        let many =
            FetchedLargeFiles { fetched: Mutex::new(Fetched { files: MOST_FILES, bytes: 0 }), ..unshared(files) };
        assert!(many.count(0).expect_err("too many files").contains("10000 contents"));
    }

    fn unshared(files: Arc<FetchedLargeFiles>) -> FetchedLargeFiles {
        Arc::into_inner(files).expect("nobody else has it")
    }
}
