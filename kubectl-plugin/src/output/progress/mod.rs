//! A run, while it goes.
//!
//! In: a plan, and the events of its run. Out, on stderr: on a terminal a table of what is under way and what waits, drawn
//! in place, below the lines of what is over; those lines alone in a pipe; with `-o json` one object a line instead.
//!
//! | module | what |
//! |---|---|
//! | `line` | the line of an event, pure |
//! | `frame` | the table: from the state of a run and the size of a terminal to lines, pure |
//! | `stop` | Ctrl-Z |
//! | `live` | drawing the table again and again |

mod frame;
mod line;
mod live;
mod stop;

use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::name::AppName;
use gitops_compiler::plan::Plan;

use crate::apply::Event;
use crate::json::{RunEventJson, Telling};

use super::{Printer, Talk};
use live::Live;

pub(super) use live::say_above;

/// Shows the events of a run on stderr.
pub struct Progress<'a> {
    printer: Printer,
    plan: &'a Plan,
    shows: Shows,
}

enum Shows {
    Lines,
    Live(Live),
    Events(Telling),
}

impl<'a> Progress<'a> {
    /// For the run of a plan that leads an application to a graph.
    #[must_use]
    pub fn new(printer: Printer, application: &AppName, graph: Id<Graph>, plan: &'a Plan) -> Self {
        let shows = match printer.talk {
            Talk::Events => {
                for event in RunEventJson::of_plan(application, graph, plan) {
                    printer.event(event);
                }
                Shows::Events(Telling::default())
            }
            Talk::Terminal { colour } if !plan.steps.is_empty() => Shows::Live(Live::start(plan, colour)),
            Talk::Terminal { .. } | Talk::Lines => Shows::Lines,
        };
        Self { printer, plan, shows }
    }

    /// Shows one event.
    pub fn show(&mut self, event: &Event) {
        match &mut self.shows {
            Shows::Lines => {
                if let Some(line) = line::of(self.plan, event) {
                    self.printer.say(&line);
                }
            }
            Shows::Live(live) => {
                live.take(event);
                // How long something is waited for is in the table.
                let told = line::of(self.plan, event).filter(|_| !matches!(event, Event::StillWaiting { .. }));
                if let Some(told) = told {
                    self.printer.say(&told);
                }
            }
            Shows::Events(telling) => self.printer.event(telling.of(self.plan, event)),
        }
    }

    /// Ends the display: the table goes, the lines stay.
    pub fn finish(self) {
        drop(self.shows);
    }
}
