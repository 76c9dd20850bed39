//! A worker that is asked again and again: what is asked often and answered fast would spend its time on starting.
//!
//! In: a [`Job`] whose task is a worker that reads questions and writes answers, each one line. Out: a [`Service`], which
//! passes them on. Each question has its own time, of the processor, and much more on the clock: on a machine that is full
//! nobody is ended for waiting. Who takes longer, writes more than the job's limit, or ends, is ended, and the service is
//! over: another one is to be started.
//!
//! The limits of time of the job hold for all questions together. The process ends with the service.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::limit::Limit;
use super::order::{self, Enforced, Order, Report, Run};
use super::run::{Process, shown};
use super::{Error, Job, Sandbox, Task};

/// How long a worker may take until it can be asked. Machines that are full take seconds to start a process.
const START: Duration = Duration::from_secs(30);

/// How much longer a question may take on the clock than on the processor.
const WAITING: u32 = 10;

/// The time between two looks at a process that has not answered.
const LOOK: Duration = Duration::from_millis(20);

/// A worker that waits for questions.
#[derive(Debug)]
pub struct Service {
    questions: Sender<Question>,
    enforced: Enforced,
}

struct Question {
    line: Vec<u8>,
    time: Duration,
    answer: Sender<Result<Vec<u8>, Error>>,
}

/// What comes from the process.
enum Event {
    Report(io::Result<Report>),
    Answer(Vec<u8>),
    TooLong,
}

impl Sandbox {
    /// Starts a worker that answers questions. What the job has on stdin is not used.
    pub fn serve(&self, job: Job) -> Result<Service, Error> {
        let (questions, asked) = mpsc::channel();
        let (ready, started) = mpsc::channel();
        let sandbox = self.clone();
        // The process ends with the thread that started it, so that one stays with it to the end.
        thread::spawn(move || {
            let talk = match Talk::start(&sandbox, job) {
                Ok((talk, enforced)) => {
                    // Nobody listens any more: then nobody asks, and it ends.
                    let _ = ready.send(Ok(enforced));
                    talk
                }
                Err(error) => return drop(ready.send(Err(error))),
            };
            talk.answer(&asked);
        });
        let enforced = started.recv().map_err(|_| Error::Died(String::new()))??;
        Ok(Service { questions, enforced })
    }
}

impl Service {
    /// Asks, and waits for the answer, for which the processor has so much time. `question` is a line without its end. After
    /// an error there is nobody to ask.
    pub fn ask(&self, question: Vec<u8>, time: Duration) -> Result<Vec<u8>, Error> {
        let (answer, answered) = mpsc::channel();
        let over = || Error::Died(String::new());
        self.questions.send(Question { line: question, time, answer }).map_err(|_| over())?;
        answered.recv().map_err(|_| over())?
    }

    /// What the worker is kept from.
    #[must_use]
    pub fn enforced(&self) -> &Enforced {
        &self.enforced
    }
}

/// A process, and the threads that move its bytes.
struct Talk {
    process: Process,
    lines: Sender<Vec<u8>>,
    events: Receiver<Event>,
    messages: Receiver<Vec<u8>>,
    longest: u64,
}

impl Talk {
    fn start(sandbox: &Sandbox, job: Job) -> Result<(Self, Enforced), Error> {
        let Task::Worker(name) = job.task else { return Err(Error::Setup("only workers answer questions".to_owned())) };
        let order = Order {
            parent: std::process::id(),
            run: Run::Worker(name.to_owned()),
            environment: job.environment,
            layout: job.layout.map(Into::into),
            scratch: None,
            limits: job.limits,
            least: job.least,
        };
        let input = order::encode(&order).map_err(Error::Start)?;
        let process = Process::start(sandbox).map_err(Error::Start)?;
        let talk = Self::over(process, order.limits.output, order.limits.messages);
        let _ = talk.lines.send(input);
        let report = talk.events.recv_timeout(START);
        match report {
            Ok(Event::Report(Ok(Report::Ready(enforced)))) => Ok((talk, enforced)),
            Ok(Event::Report(Ok(Report::TooWeak(enforced)))) => Err(Error::TooWeak(enforced)),
            Ok(Event::Report(Ok(Report::Failed(reason)))) => Err(Error::Setup(reason)),
            Err(RecvTimeoutError::Timeout) => Err(Error::Limit(Limit::Time(START))),
            _ => Err(talk.died()),
        }
    }

    /// Begins to move bytes. All threads end when the process does.
    fn over(mut process: Process, longest: u64, most_messages: u64) -> Self {
        let (lines, to_write) = mpsc::channel::<Vec<u8>>();
        let (sender, events) = mpsc::channel();
        let (complaints, messages) = mpsc::channel();
        let (stdin, stdout, stderr) = process.pipes();
        if let Some(mut stdin) = stdin {
            thread::spawn(move || {
                for line in to_write {
                    if stdin.write_all(&line).and_then(|()| stdin.flush()).is_err() {
                        break;
                    }
                }
            });
        }
        if let Some(mut stdout) = stdout {
            thread::spawn(move || {
                let report = order::read(&mut stdout);
                let is_ready = report.is_ok();
                let _ = sender.send(Event::Report(report));
                if is_ready {
                    read_answers(stdout, longest, &sender);
                }
            });
        }
        if let Some(stderr) = stderr {
            thread::spawn(move || {
                let mut bytes = Vec::new();
                let _ = stderr.take(most_messages).read_to_end(&mut bytes);
                let _ = complaints.send(bytes);
            });
        }
        Self { process, lines, events, messages, longest }
    }

    /// Answers until nobody asks any more, or until the process is ended.
    fn answer(mut self, asked: &Receiver<Question>) {
        for Question { mut line, time, answer } in asked {
            line.push(b'\n');
            let _ = self.lines.send(line);
            let result = self.await_answer(time);
            let is_over = result.is_err();
            if is_over {
                // Before who asked goes on: nothing of it is left then.
                let _ = self.process.end();
            }
            let _ = answer.send(result);
            if is_over {
                return;
            }
        }
    }

    fn await_answer(&self, time: Duration) -> Result<Vec<u8>, Error> {
        let (begun, used) = (Instant::now(), self.process.processor_time());
        loop {
            match self.events.recv_timeout(LOOK) {
                Ok(Event::Answer(bytes)) => return Ok(bytes),
                Ok(Event::TooLong) => return Err(Error::Limit(Limit::Output(self.longest))),
                Ok(Event::Report(_)) | Err(RecvTimeoutError::Disconnected) => return Err(self.died()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let most = match (used, self.process.processor_time()) {
                (Some(before), Some(now)) if now.saturating_sub(before) > time => {
                    return Err(Error::Limit(Limit::ProcessorTime(time)));
                }
                (Some(_), Some(_)) => time * WAITING,
                _ => time,
            };
            if begun.elapsed() > most {
                return Err(Error::Limit(Limit::Time(most)));
            }
        }
    }

    /// What is said of a process that ended by itself, with its last words.
    fn died(&self) -> Error {
        let words = self.messages.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
        Error::Died(shown(&words))
    }
}

fn read_answers(stdout: impl Read, longest: u64, events: &Sender<Event>) {
    let mut reader = BufReader::new(stdout);
    loop {
        let mut line = Vec::new();
        let read = reader.by_ref().take(longest.saturating_add(1)).read_until(b'\n', &mut line);
        let event = match line.pop() {
            Some(b'\n') if read.is_ok() => Event::Answer(line),
            Some(_) if line.len() as u64 >= longest => Event::TooLong,
            // The end: the channel says so.
            _ => return,
        };
        if events.send(event).is_err() {
            return;
        }
    }
}
