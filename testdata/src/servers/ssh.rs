//! OpenSSH's sshd, for Git over SSH.
//!
//! In: nothing. Out: an address for each bare repository of this machine; a key that is let in, one that is not, and the
//! file by which a client knows the server. Whoever is let in may run `git-upload-pack`, and `git-lfs-authenticate` where a
//! test says what that answers; nothing else.
//!
//! The server is a port of ours that starts `sshd -i` for each connection, so no port is given to sshd, and none is lost.
//! Sessions are of the user who runs this: a user other than root may not start others, and root need not.

use std::fs::{self, File};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustix::process::geteuid;

use super::error::{Error, last_lines};
use super::keeper::{Keeper, clear};
use super::listener::Listener;
use super::programs::{Programs, programs};

/// The file that `git-lfs-authenticate` gives.
const LFS: &str = "lfs-authenticate";
/// Where sshd, as root, locks up what reads what strangers say. The service makes it when it is started.
const PRIVILEGE_SEPARATION: &str = "/run/sshd";

/// An SSH server that runs.
#[derive(Debug)]
pub struct SshServer {
    listener: Listener,
    keeper: Arc<Keeper>,
    user: String,
    key: PathBuf,
    wrong_key: PathBuf,
    known_hosts: PathBuf,
}

impl SshServer {
    /// Starts one.
    ///
    /// # Errors
    /// Where programs are missing, or keys cannot be made.
    pub fn start() -> Result<Self, Error> {
        let programs = programs()?;
        let keeper = Keeper::start()?;
        let host_key = make_key(&keeper, &programs, "host_key")?;
        let key = make_key(&keeper, &programs, "key")?;
        let wrong_key = make_key(&keeper, &programs, "wrong_key")?;
        keeper.write("authorized_keys", &format!("restrict {}", public_half(&key)?))?;
        let said = keeper.path().join(LFS);
        keeper.write("session", &session(&programs, &said))?;
        let configuration = keeper.write("sshd_config", &configuration(keeper.path()))?;
        if geteuid().is_root() {
            let path = Path::new(PRIVILEGE_SEPARATION);
            fs::create_dir_all(path).map_err(Error::file("create", path))?;
        }
        let user = output(clear(Command::new("id").arg("-un")))?.trim().to_owned();

        let keeper = Arc::new(keeper);
        let shared = Arc::clone(&keeper);
        let listener = Listener::start(move |stream| answer(stream, &shared, &programs.sshd, &configuration))?;
        let known = format!("[127.0.0.1]:{} {}", listener.port(), public_half(&host_key)?);
        let known_hosts = keeper.write("known_hosts", &known)?;
        Ok(Self { listener, keeper, user, key, wrong_key, known_hosts })
    }

    /// `ssh://USER@127.0.0.1:PORT/PATH` for a bare repository, by its whole path.
    #[must_use]
    pub fn address(&self, repository: &Path) -> String {
        format!("ssh://{}@127.0.0.1:{}{}", self.user, self.listener.port(), repository.display())
    }

    /// What `git-lfs-authenticate` answers from now on, whatever it is asked.
    ///
    /// # Errors
    /// Where that cannot be written.
    pub fn answer_lfs(&self, text: &str) -> Result<(), Error> {
        self.keeper.write(LFS, text).map(drop)
    }

    /// What `git-lfs-authenticate` was asked so far, a command each.
    #[must_use]
    pub fn lfs_commands(&self) -> Vec<String> {
        let text = fs::read(self.keeper.path().join(LFS).with_extension("log")).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
    }

    /// A private key that is let in.
    #[must_use]
    pub fn key(&self) -> &Path {
        &self.key
    }

    /// A private key that is not.
    #[must_use]
    pub fn wrong_key(&self) -> &Path {
        &self.wrong_key
    }

    /// The server's key, as clients keep it.
    #[must_use]
    pub fn known_hosts(&self) -> &Path {
        &self.known_hosts
    }

    /// What sshd said so far: who was let in, and who was not.
    #[must_use]
    pub fn log(&self) -> String {
        let text = fs::read(self.keeper.path().join("sshd.log")).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        // Before the connections are closed: sessions that lost their sshd are not found any more.
        self.keeper.end();
    }
}

/// Has sshd talk to a client.
fn answer(stream: &TcpStream, keeper: &Keeper, sshd: &Path, configuration: &Path) {
    let log = keeper.path().join("sshd.log");
    let (Ok(input), Ok(output)) = (stream.try_clone(), stream.try_clone()) else { return };
    let Ok(errors) = File::options().create(true).append(true).open(&log) else { return };
    let mut command = keeper.command(sshd);
    command.arg("-i").arg("-E").arg(&log).arg("-f").arg(configuration);
    command.stdin(OwnedFd::from(input)).stdout(OwnedFd::from(output)).stderr(errors);
    let child = command.spawn();
    // It holds the connection itself.
    drop(command);
    // How it ends is in the log, and the client sees it.
    let _ = child.map(|mut child| child.wait());
}

fn configuration(directory: &Path) -> String {
    let directory = directory.display();
    format!(
        "HostKey \"{directory}/host_key\"
AuthorizedKeysFile \"{directory}/authorized_keys\"
ForceCommand exec /bin/sh '{directory}/session'
SetEnv \"HOME={directory}\"
AcceptEnv GIT_PROTOCOL
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitUserRC no
LogLevel VERBOSE
"
    )
}

/// What every session is, whatever the client asks for.
fn session(programs: &Programs, said: &Path) -> String {
    let (shell, said) = (programs.git_shell.display(), said.display());
    format!(
        "case \"$SSH_ORIGINAL_COMMAND\" in
\"git-upload-pack \"*) ;;
\"git-lfs-authenticate \"*)
    echo \"$SSH_ORIGINAL_COMMAND\" >> '{said}.log'
    exec cat '{said}' ;;
*) echo 'only git-upload-pack is served' >&2; exit 128 ;;
esac
exec env -i PATH=\"$PATH\" HOME=\"$HOME\" GIT_PROTOCOL=\"$GIT_PROTOCOL\" GIT_CONFIG_NOSYSTEM=1 \\
    GIT_CONFIG_GLOBAL=/dev/null '{shell}' -c \"$SSH_ORIGINAL_COMMAND\"
"
    )
}

/// Makes a key without a passphrase; returns the path of its private half.
fn make_key(keeper: &Keeper, programs: &Programs, name: &str) -> Result<PathBuf, Error> {
    let mut command = keeper.command(&programs.ssh_keygen);
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", name]);
    output(&mut command)?;
    Ok(keeper.path().join(name))
}

fn public_half(key: &Path) -> Result<String, Error> {
    let path = key.with_extension("pub");
    fs::read_to_string(&path).map_err(Error::file("read", &path))
}

/// What a command prints that has to succeed.
fn output(command: &mut Command) -> Result<String, Error> {
    let output = command.stdin(Stdio::null()).output().map_err(Error::spawn(command.get_program()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let command = command.get_program().display().to_string();
    Err(Error::Failed { command, status: output.status, output: last_lines(&output.stderr) })
}
