//! What a controller says while it runs: lines for people, or JSON for programs.
//!
//! In: what happened, and to which Application. Out: one line on stderr. No secret is ever handed to it.

use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::json;

use crate::application::AppId;
use crate::health::printable;
use crate::output::Printer;

/// How it is said.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    /// Where it goes.
    pub printer: Printer,
    /// Whether each line is a JSON object.
    pub json: bool,
}

/// Something that somebody did through the API, or tried to.
#[derive(Debug, Clone, Copy)]
pub struct Deed<'a> {
    /// Who; empty where nobody is known.
    pub who: &'a str,
    /// From where.
    pub from: IpAddr,
    /// What.
    pub action: &'a str,
    /// To which Application.
    pub application: Option<&'a str>,
    /// Whether it was done.
    pub is_done: bool,
    /// What came of it.
    pub outcome: &'a str,
}

impl Log {
    /// Something that somebody did, or tried to: an audit line. None of its parts steers a terminal.
    pub fn deed(self, deed: &Deed<'_>) {
        let parts = [deed.who, deed.action, deed.outcome, deed.application.unwrap_or_default()].map(printable);
        let [who, action, outcome, application] = parts;
        let time = Timestamp::now();
        if self.json {
            let line = json!({
                "time": time.to_string(), "level": "audit", "user": who, "from": deed.from.to_string(),
                "action": action, "application": application, "done": deed.is_done, "message": outcome,
            });
            return self.printer.say(&line.to_string());
        }
        let who = if who.is_empty() { "nobody" } else { &who };
        let of = if application.is_empty() { String::new() } else { format!(" {application}") };
        let line = format!("{}  audit: {who} from {}: {action}{of}: {outcome}", time.strftime("%H:%M:%S"), deed.from);
        self.printer.say(&line);
    }

    /// Something that is as it should be.
    pub fn info(self, app: Option<&AppId>, message: &str) {
        self.line("info", app, message);
    }

    /// Something that somebody should look at.
    pub fn warn(self, app: Option<&AppId>, message: &str) {
        self.line("warning", app, message);
    }

    fn line(self, level: &str, app: Option<&AppId>, message: &str) {
        let time = Timestamp::now();
        if self.json {
            let mut line = json!({"time": time.to_string(), "level": level, "message": message});
            if let Some(app) = app {
                line["application"] = app.to_string().into();
            }
            return self.printer.say(&line.to_string());
        }
        let app = app.map(|app| format!("{app}: ")).unwrap_or_default();
        let level = if level == "info" { "" } else { "warning: " };
        self.printer.say(&format!("{}  {level}{app}{message}", time.strftime("%H:%M:%S")));
    }
}
