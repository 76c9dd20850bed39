//! A program on a pseudo-terminal, and what it shows there.
//!
//! In: a command. Out: every line that its terminal has shown at any time, and what is left in the end. Only the program's
//! talk (stderr) goes to the terminal.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

use super::screen::Screen;
use super::support::World;

/// A program that runs.
pub(crate) struct Watched {
    child: Child,
    terminal: File,
    seen: Arc<Mutex<Seen>>,
    reader: JoinHandle<()>,
}

struct Seen {
    screen: Screen,
    written: Vec<u8>,
    /// Each line that was ever shown.
    shown: Vec<String>,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    /// Each line that was shown at any time, once.
    pub(crate) shown: Vec<String>,
    /// What is left, with what has scrolled away.
    pub(crate) left: Vec<String>,
    /// All bytes.
    pub(crate) written: String,
}

impl Watched {
    /// Starts a program on a terminal of this size.
    pub(crate) fn start(mut command: Command, rows: u16, columns: u16) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&terminal).and_then(|()| unlockpt(&terminal)).expect("ours");
        let name = ptsname(&terminal, Vec::new()).expect("a name").into_string().expect("text");
        tcsetwinsize(&terminal, size(rows, columns)).expect("a size");
        let side = OpenOptions::new().read(true).write(true).open(name).expect("the program's side");
        // Else Ctrl-C drops what nobody has read yet, and here the reader may be late.
        let mut modes = tcgetattr(&side).expect("modes");
        modes.local_modes |= LocalModes::NOFLSH;
        tcsetattr(&side, OptionalActions::Now, &modes).expect("set");
        let child = command.stdout(Stdio::null()).stderr(side).spawn().expect("the program starts");
        // Its side must be open nowhere but there: reading ends with it.
        drop(command);
        let terminal = File::from(terminal);
        let screen = Screen::new(rows.into(), columns.into());
        let seen = Arc::new(Mutex::new(Seen { screen, written: Vec::new(), shown: Vec::new() }));
        let reader = std::thread::spawn({
            let (mut terminal, seen) = (terminal.try_clone().expect("a copy"), Arc::clone(&seen));
            move || {
                let mut piece = [0; 16_384];
                while let Ok(length @ 1..) = terminal.read(&mut piece) {
                    seen.lock().expect("no panic").take(&piece[..length]);
                }
            }
        });
        Self { child, terminal, seen, reader }
    }

    /// Waits until the screen shows a line that begins so.
    pub(crate) fn waits_for(&self, beginning: &str) {
        let lines = || self.seen.lock().expect("no panic").screen.lines();
        let shows = || lines().iter().any(|line| line.starts_with(beginning));
        assert!(World::waits_until(shows), "`{beginning}` never comes: {:#?}", lines());
    }

    /// Changes the size of the terminal.
    pub(crate) fn resize(&mut self, rows: u16, columns: u16) {
        let mut seen = self.seen.lock().expect("no panic");
        seen.screen.resize(rows.into(), columns.into());
        tcsetwinsize(&self.terminal, size(rows, columns)).expect("a size");
    }

    /// What a terminal does on Ctrl-C: it shows it, and sends a signal.
    pub(crate) fn press_ctrl_c(&mut self) {
        self.terminal.write_all(b"\x03").expect("written");
        let is_shown = || self.seen.lock().expect("no panic").written.windows(2).any(|bytes| bytes == b"^C");
        assert!(World::waits_until(is_shown), "a terminal echoes it");
        let program = Pid::from_child(&self.child);
        kill_process(program, Signal::INT).expect("it runs");
    }

    /// What a terminal does on Ctrl-Z, and waits until the program has stopped; then a shell writes a line.
    pub(crate) fn press_ctrl_z(&mut self, line: &str) {
        kill_process(Pid::from_child(&self.child), Signal::TSTP).expect("it runs");
        let stat = format!("/proc/{}/stat", self.child.id());
        let state = || std::fs::read_to_string(&stat).unwrap_or_default().rsplit(") ").next().map(str::to_owned);
        let has_stopped = || state().is_some_and(|state| state.starts_with('T'));
        assert!(World::waits_until(has_stopped), "it never stops: {:?}", state());
        // What it has written before may still be on the way.
        let is_at_rest = || self.seen.lock().expect("no panic").screen.is_at_start_of_empty_line();
        assert!(World::waits_until(is_at_rest), "a shell would write into the table");
        self.seen.lock().expect("no panic").take(format!("{line}\r\n").as_bytes());
    }

    /// What a shell does on `fg`.
    pub(crate) fn goes_on(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::CONT).expect("it is there");
    }

    /// What is on the screen now.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen.lock().expect("no panic").screen.lines()
    }

    /// Waits for the end.
    pub(crate) fn ended(mut self) -> Ended {
        let code = self.child.wait().expect("it ends").code().unwrap_or(-1);
        self.reader.join().expect("no panic");
        let seen = self.seen.lock().expect("no panic");
        let written = String::from_utf8_lossy(&seen.written).into_owned();
        let left = seen.screen.lines();
        assert!(seen.screen.is_at_start_of_empty_line(), "what comes next has a line of its own: {left:#?}");
        Ended { code, shown: seen.shown.clone(), left, written }
    }
}

impl Seen {
    fn take(&mut self, piece: &[u8]) {
        self.written.extend(piece);
        self.screen.write(piece);
        for line in self.screen.lines() {
            if !self.shown.contains(&line) {
                self.shown.push(line);
            }
        }
    }
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}
