//! What a controller says while it runs: lines for people, or JSON for programs.
//!
//! In: what happened, and to which Application. Out: one line on stderr. No secret is ever handed to it.

use jiff::Timestamp;
use serde_json::json;

use crate::application::AppId;
use crate::output::Printer;

/// How it is said.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    /// Where it goes.
    pub printer: Printer,
    /// Whether each line is a JSON object.
    pub json: bool,
}

impl Log {
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
