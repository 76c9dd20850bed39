//! The `git` program, and ssh as it calls that, with an environment of ours.
//!
//! In: arguments, what is allowed, a credential. Out: what it says, or that it was ended. Guarantees: no configuration of the
//! system, the user or a repository but what says how to connect (`http.*`) and who asks (`credential.*`), which are the
//! user's own; no prompts, hooks, submodules or housekeeping; only https and ssh, and http to hosts that are named for it; a
//! password is in no argument. The program and all that it started are ended together.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine as _;

use crate::child;

use super::access::Access;
use super::address::{Address, Scheme};
use super::credentials::Credential;

/// The largest file that a fetch may write: 2 GiB.
pub(super) const LARGEST_FILE: u64 = 2 << 30;

/// Where Debian, Alpine and their kin keep the certificates of the system.
const SYSTEM_CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What of our environment it finds: where programs, keys and helpers are.
const KEPT: [&str; 12] = [
    "PATH",
    "HOME",
    "USER",
    "SSH_AUTH_SOCK",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "TMPDIR",
];

/// The program, and how it is run.
pub(super) struct GitProgram {
    /// A file of known hosts, instead of the user's.
    pub(super) known_hosts: Option<PathBuf>,
    /// How long one command may take.
    pub(super) time: Duration,
}

/// What came of a command.
pub(super) enum Ran {
    /// What it said.
    Done(String),
    /// What it complained of.
    Failed(String),
    /// It was ended after this time.
    TooLong(Duration),
    /// It was ended because it said too much.
    TooMuch,
}

impl GitProgram {
    /// Runs it, in a repository of ours or in none.
    ///
    /// # Errors
    /// Why it could not be started.
    pub(super) fn run(
        &self,
        access: &Access,
        address: &Address,
        credential: Option<&Credential>,
        within: Option<&Path>,
        arguments: &[String],
        most: usize,
    ) -> Result<Ran, String> {
        let secrets = secrets()?;
        let mut command = program("git");
        command.envs([
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ASKPASS", "true"),
        ]);
        // Whether that host may be asked so was seen before.
        let is_plain = address.scheme == Scheme::Http;
        command.env("GIT_ALLOW_PROTOCOL", if is_plain { "https:ssh:http" } else { "https:ssh" });
        let options = self.ssh_options(credential, secrets.path())?;
        let options: Vec<String> = options.iter().map(|option| quoted(option)).collect();
        command.env("GIT_SSH_COMMAND", format!("ssh {}", options.join(" ")));
        let configuration = configuration(access, address, credential, secrets.path())?;
        command.env("GIT_CONFIG_COUNT", configuration.len().to_string());
        for (index, (key, value)) in configuration.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{index}"), key).env(format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        // Wherever we are, the configuration of a repository there is not ours.
        let nowhere = secrets.path().join("nowhere");
        command.env("GIT_DIR", within.unwrap_or(&nowhere)).current_dir(secrets.path());
        self.follow(command.args(arguments), most)
    }

    /// Runs ssh as the program would, with these arguments behind the options of ours.
    ///
    /// # Errors
    /// Why it could not be started.
    pub(super) fn ssh(
        &self,
        credential: Option<&Credential>,
        arguments: &[String],
        most: usize,
    ) -> Result<Ran, String> {
        let secrets = secrets()?;
        let mut command = program("ssh");
        command.args(self.ssh_options(credential, secrets.path())?).args(arguments).current_dir(secrets.path());
        self.follow(&mut command, most)
    }

    fn follow(&self, command: &mut Command, most: usize) -> Result<Ran, String> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().map_err(|error| format!("the program {name} cannot be started: {error}"))?;
        limit_files(&child);
        Ok(match child::follow(child, self.time, most) {
            None => Ran::TooLong(self.time),
            Some(ended) if !ended.is_success => Ran::Failed(ended.complaints),
            Some(ended) if !ended.is_whole => Ran::TooMuch,
            Some(ended) => Ran::Done(ended.said),
        })
    }

    /// How ssh is called: as the user would, or with the key of a credential and nothing of the user's.
    fn ssh_options(&self, credential: Option<&Credential>, secrets: &Path) -> Result<Vec<String>, String> {
        let mut options = vec!["-oBatchMode=yes".to_owned(), "-oConnectTimeout=15".to_owned()];
        let mut add = |more: &[&str]| options.extend(more.iter().map(|option| (*option).to_owned()));
        let key = credential.map(|credential| credential.ssh_private_key.reveal()).filter(|key| !key.is_empty());
        if let Some(key) = key {
            let path = write_secret(secrets, "key", &format!("{}\n", key.trim_end()))?;
            add(&["-F/dev/null", "-oIdentitiesOnly=yes", "-i", &path.display().to_string()]);
        }
        if credential.is_some_and(|credential| credential.insecure_ignore_host_key) {
            add(&["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR"]);
        } else {
            add(&["-oStrictHostKeyChecking=yes"]);
            if let Some(known_hosts) = &self.known_hosts {
                let hosts = std::path::absolute(known_hosts).unwrap_or_else(|_| known_hosts.clone());
                // A list of files, for ssh: names with spaces are in quotes.
                add(&["-oGlobalKnownHostsFile=/dev/null", &format!("-oUserKnownHostsFile=\"{}\"", hosts.display())]);
            }
        }
        Ok(options)
    }
}

/// A place for keys, which is gone when it is dropped.
fn secrets() -> Result<tempfile::TempDir, String> {
    tempfile::tempdir().map_err(|error| format!("there is no place for a key: {error}"))
}

/// A program that finds of our environment only what it needs, and asks nobody.
fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.env_clear().envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.envs([("SSH_ASKPASS_REQUIRE", "never"), ("LC_ALL", "C")]);
    command
}

/// Lets it, and what it starts, write no file larger than [`LARGEST_FILE`].
#[cfg(target_os = "linux")]
fn limit_files(child: &Child) {
    let process = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    let limit = rustix::process::Rlimit { current: Some(LARGEST_FILE), maximum: Some(LARGEST_FILE) };
    // It may have ended already.
    let _ = rustix::process::prlimit(process, rustix::process::Resource::Fsize, limit);
}

#[cfg(not(target_os = "linux"))]
fn limit_files(_: &Child) {}

/// What the program is told, in the place of configuration files.
fn configuration(
    access: &Access,
    address: &Address,
    credential: Option<&Credential>,
    secrets: &Path,
) -> Result<Vec<(String, String)>, String> {
    let mut settings = Vec::new();
    let mut set = |key: &str, value: &str| settings.push((key.to_owned(), value.to_owned()));
    let in_address = (!address.user.is_empty() || !address.password.is_empty()) && address.scheme != Scheme::Ssh;
    for (key, value) in users_own() {
        let says_who = key.starts_with("credential.") || key.ends_with(".extraheader");
        let is_ours = key.ends_with(".followredirects");
        if !is_ours && !(says_who && (credential.is_some() || in_address)) {
            set(key, value);
        }
    }
    set("core.hooksPath", "/dev/null");
    set("core.fsmonitor", "false");
    set("core.useReplaceRefs", "false");
    set("transfer.fsckObjects", "true");
    set("fetch.recurseSubmodules", "false");
    set("gc.auto", "0");
    set("maintenance.auto", "false");
    set("protocol.version", "2");
    // Where a redirect leads cannot be judged before the program follows it.
    set("http.followRedirects", "false");
    if let Some(authorities) = authorities(access, address)? {
        set("http.sslCAInfo", &write_secret(secrets, "authorities", &authorities)?.display().to_string());
    }
    // For this host and port only.
    let header_key = format!("http.{}.extraHeader", address.url.join("/").unwrap_or_else(|_| address.url.clone()));
    let Some(credential) = credential else {
        if in_address {
            set(&header_key, &basic(&address.user, address.password.reveal()));
        }
        return Ok(settings);
    };
    if let Some(header) = authorization(credential) {
        set(&header_key, &header);
    }
    if !credential.tls_client_certificate.reveal().is_empty() {
        let certificate = write_secret(secrets, "certificate", credential.tls_client_certificate.reveal())?;
        let key = write_secret(secrets, "certificate-key", credential.tls_client_key.reveal())?;
        set("http.sslCert", &certificate.display().to_string());
        set("http.sslKey", &key.display().to_string());
    }
    if credential.insecure {
        set("http.sslVerify", "false");
    }
    if !credential.proxy.reveal().is_empty() {
        set("http.proxy", credential.proxy.reveal());
    }
    Ok(settings)
}

/// The certificates to trust in PEM, where those of the system alone will not do: Git takes one file for all.
fn authorities(access: &Access, address: &Address) -> Result<Option<String>, String> {
    let host = access.host_with_certificates(&address.url);
    let named = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty());
    if access.trusted(host.as_deref()).next().is_none() && named.is_none() {
        return Ok(None);
    }
    let path = named.map_or_else(|| PathBuf::from(SYSTEM_CERTIFICATES), PathBuf::from);
    let mut all = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
    };
    for pem in access.trusted(host.as_deref()) {
        all.push('\n');
        all.push_str(&String::from_utf8_lossy(pem));
    }
    Ok(Some(all))
}

/// `Authorization: …`, where there is anything to say.
fn authorization(credential: &Credential) -> Option<String> {
    let token = credential.bearer_token.reveal();
    if !token.is_empty() {
        return Some(format!("Authorization: Bearer {token}"));
    }
    let password = credential.password.reveal();
    if credential.username.is_empty() && password.is_empty() {
        return None;
    }
    // A token alone is taken under any name.
    let user = if credential.username.is_empty() { "git" } else { &credential.username };
    Some(basic(user, password))
}

fn basic(user: &str, password: &str) -> String {
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Authorization: Basic {encoded}")
}

/// What the user's own configuration says of connections and credentials. It is asked once.
fn users_own() -> &'static [(String, String)] {
    static SETTINGS: OnceLock<Vec<(String, String)>> = OnceLock::new();
    SETTINGS.get_or_init(|| {
        let mut command = Command::new("git");
        command.args(["config", "--global", "--includes", "--null", "--get-regexp", r"^(http|credential)\."]);
        command.env_clear().envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.current_dir("/").stdin(Stdio::null()).stderr(Stdio::null());
        let Ok(output) = command.output() else { return Vec::new() };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let settings = text.split('\0').filter_map(|setting| setting.split_once('\n'));
        settings.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    })
}

fn write_secret(folder: &Path, name: &str, text: &str) -> Result<PathBuf, String> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = folder.join(name);
    let written = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let written = written.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| format!("a key cannot be written for the program: {error}"))?;
    Ok(path)
}

/// For the shell that the program hands its command for ssh to.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
