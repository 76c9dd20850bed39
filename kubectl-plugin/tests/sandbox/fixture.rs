//! What there is to steal and to break, and a sandbox beside it.

use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gitops_compiler::sandbox::{Error, Job, Limits, Output, Sandbox, Scratch, Task};

/// A world outside, and a layout that leads to it.
pub(crate) struct Fixture {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) sandbox: Sandbox,
    pub(crate) escape: PathBuf,
    pub(crate) port: u16,
    abstract_name: String,
    _listeners: (TcpListener, UnixListener, UnixListener),
}

impl Fixture {
    pub(crate) fn new(programs: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("gitops-world-").tempdir().expect("a folder");
        let place = folder.path();
        fs::set_permissions(place, fs::Permissions::from_mode(0o755)).expect("ours");
        write(&place.join("token"), "the secret of a file");
        for name in ["outside", "room", "layout"] {
            fs::create_dir(place.join(name)).expect("writable");
        }
        // As open as can be: what keeps a job out is the sandbox.
        for name in ["outside", "room"] {
            fs::set_permissions(place.join(name), fs::Permissions::from_mode(0o777)).expect("ours");
        }
        for name in ["theirs", "victim", "old"] {
            write(&place.join("outside").join(name), "theirs");
        }
        fs::copy(programs.join("escape"), place.join("layout/program")).expect("writable");
        write(&place.join("layout/file"), "what a render reads\n");
        for (link, target) in [
            ("link", place.join("token")),
            ("relative", PathBuf::from("../token")),
            ("chain", PathBuf::from("relative")),
            ("folder", place.to_owned()),
            ("outside", place.join("outside")),
            ("proc", PathBuf::from("/proc")),
        ] {
            symlink(target, place.join("layout").join(link)).expect("writable");
        }
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = tcp.local_addr().expect("it has one").port();
        let path = UnixListener::bind(place.join("outside/socket")).expect("a socket");
        fs::set_permissions(place.join("outside/socket"), fs::Permissions::from_mode(0o777)).expect("ours");
        let abstract_name = format!("gitops-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&abstract_name).expect("short enough");
        let nameless = UnixListener::bind_addr(&address).expect("a socket");
        Self {
            sandbox: Sandbox::new("/proc/self/exe", place.join("room")),
            escape: programs.join("escape"),
            port,
            abstract_name,
            _listeners: (tcp, path, nameless),
            folder,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    pub(crate) fn scratch(&self) -> Scratch {
        self.sandbox.scratch().expect("a folder")
    }

    /// The program that escapes, with arguments.
    pub(crate) fn program(&self, arguments: &[&str]) -> Job {
        let task = Task::Program { path: self.escape.clone(), libraries: Vec::new() };
        let mut job = Job::new(task);
        job.arguments = arguments.iter().map(Into::into).collect();
        job.layout = Some(self.path("layout"));
        job.limits = Limits { time: Duration::from_mins(1), ..Limits::default() };
        job
    }

    pub(crate) fn run(&self, job: Job) -> Result<Output, Error> {
        self.sandbox.run(job)
    }

    /// What a listener outside has: port, path, name.
    pub(crate) fn network(&self) -> [String; 3] {
        [self.port.to_string(), self.text("outside/socket"), self.abstract_name.clone()]
    }

    /// Whether no private folder was left.
    pub(crate) fn room_is_empty(&self) -> bool {
        fs::read_dir(self.path("room")).expect("readable").next().is_none()
    }
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("writable");
    fs::set_permissions(path, fs::Permissions::from_mode(0o666)).expect("ours");
}

/// The processes that this one has started with this argument.
pub(crate) fn children(argument: &str) -> Vec<u32> {
    children_of(std::process::id(), argument)
}

/// The processes that another has started with this argument.
pub(crate) fn children_of(parent: u32, argument: &str) -> Vec<u32> {
    let parent = parent.to_string();
    let is_child =
        |stat: &str| stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)) == Some(&parent);
    let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    let processes = fs::read_dir("/proc").expect("readable").flatten().filter_map(number);
    processes
        .filter(|process| fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| is_child(&stat)))
        .filter(|process| {
            let command = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            command.split(|byte| *byte == 0).any(|part| part == argument.as_bytes())
        })
        .collect()
}
