//! The program `gpg`, which has the user's PGP keys.
//!
//! In: a message that holds a data key. Out: the key, or what gpg complained of. Guarantees: nothing is asked of anybody
//! (a key with a passphrase opens only where the agent knows it), nothing is fetched, the program is ended after
//! [`TIME`]; the key is on its stdout and nowhere else.

use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::child;

use super::DataKey;

/// How long one message may take.
const TIME: Duration = Duration::from_secs(20);

/// How much of its complaints is read.
const MOST_COMPLAINTS: u64 = 16 << 10;

/// What of our environment it finds: where its keys and its agent are.
const KEPT: [&str; 5] = ["PATH", "HOME", "USER", "GNUPGHOME", "XDG_RUNTIME_DIR"];

const ARGUMENTS: [&str; 7] = [
    "--batch",
    "--no-tty",
    "--quiet",
    "--pinentry-mode=error",
    "--no-auto-key-retrieve",
    "--disable-dirmngr",
    "--decrypt",
];

/// Opens a message.
pub(super) fn open(encrypted: &str) -> Result<DataKey, String> {
    let mut command = Command::new("gpg");
    command.env_clear().envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?)))).env("LC_ALL", "C");
    command.args(ARGUMENTS).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("the program gpg cannot be started: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        let encrypted = encrypted.to_owned();
        // Who ends early does not read all of it.
        thread::spawn(move || stdin.write_all(encrypted.as_bytes()));
    }
    // One byte more than a key has, to see that there is no more.
    let said = reader(child.stdout.take(), 33);
    let complaints = reader(child.stderr.take(), MOST_COMPLAINTS);
    let ended = ended(&mut child);
    // Its agent may have the pipes; what was said is there by now.
    let read =
        |reader: &mpsc::Receiver<Zeroizing<Vec<u8>>>| reader.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
    let (said, complaints) = (read(&said), read(&complaints));
    match ended {
        None => Err(format!("gpg was ended after {} seconds", TIME.as_secs())),
        Some(true) => match said.as_slice().try_into() {
            Ok(key) => Ok(Zeroizing::new(key)),
            Err(_) => Err("gpg gave something that is no data key".to_owned()),
        },
        Some(false) => Err(last_complaint(&String::from_utf8_lossy(&complaints))),
    }
}

/// Whether it ended well; nothing where it had to be ended.
fn ended(child: &mut Child) -> Option<bool> {
    let status = child::wait(child, TIME);
    if status.is_none() {
        child::end(child);
        let _ = child.wait();
    }
    status.map(|status| status.success())
}

fn reader(pipe: Option<impl std::io::Read + Send + 'static>, most: u64) -> mpsc::Receiver<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut read = Zeroizing::new(Vec::with_capacity(64));
        if let Some(pipe) = pipe {
            // What was read until then is enough.
            let _ = pipe.take(most).read_to_end(&mut read);
        }
        let _ = sender.send(read);
    });
    receiver
}

/// The last line of what it said, without what a terminal would obey.
fn last_complaint(text: &str) -> String {
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("gpg failed without a word");
    line.chars().filter(|letter| !letter.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_complains_of_last_is_told_and_harmless() {
        assert_eq!(last_complaint("gpg: a\ngpg: no \u{1b}[31mkey\n\n"), "gpg: no [31mkey");
        assert_eq!(last_complaint(""), "gpg failed without a word");
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        assert!(open("nonsense").is_err());
    }
}
