//! Writing entries while the compilation goes on.
//!
//! In: values. Out: nothing; in the end, once all are written or given up. Guarantees: who gives a value does not wait; what
//! waits has a bound, and what is beyond it is not written; threads are there only once something is.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// So many entries are written at one time.
const MOST_THREADS: usize = 8;
/// So many bytes may wait.
const MOST_WAITING_BYTES: usize = 128 << 20;

/// A value that is to be written.
pub(super) struct Value {
    pub(super) kind: &'static str,
    pub(super) key: String,
    pub(super) bytes: Vec<u8>,
}

type Write = Box<dyn Fn(Value) + Send + Sync>;

/// Threads that write.
pub(super) struct Writers(Arc<State>);

struct State {
    write: Write,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Value>,
    waiting_bytes: usize,
    /// How many threads there are, and how many of them write now.
    threads: usize,
    writing: usize,
    is_over: bool,
}

impl Writers {
    pub(super) fn new(write: Write) -> Self {
        Self(Arc::new(State { write, queue: Mutex::default(), changed: Condvar::new() }))
    }

    /// Takes a value; `false` where too much waits already.
    pub(super) fn take(&self, value: Value) -> bool {
        let mut queue = self.0.queue();
        let bytes = queue.waiting_bytes.saturating_add(value.bytes.len());
        // One that is larger than all that may wait is taken where nothing else is.
        if bytes > MOST_WAITING_BYTES && !queue.waiting.is_empty() {
            return false;
        }
        if queue.threads < MOST_THREADS && queue.threads - queue.writing <= queue.waiting.len() {
            let state = Arc::clone(&self.0);
            match thread::Builder::new().name("cache".to_owned()).spawn(move || state.write_all()) {
                Ok(_) => queue.threads += 1,
                Err(_) if queue.threads == 0 => return false,
                Err(_) => {}
            }
        }
        queue.waiting.push_back(value);
        queue.waiting_bytes = bytes;
        drop(queue);
        // All: one alone might be whoever waits for the end.
        self.0.changed.notify_all();
        true
    }

    /// Waits until all that was taken is written, or given up.
    pub(super) fn finish(&self) {
        let mut queue = self.0.queue();
        while !queue.waiting.is_empty() || queue.writing > 0 {
            queue = self.0.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.0.queue().is_over = true;
        self.0.changed.notify_all();
    }
}

impl State {
    /// Nothing is ever half written under this lock.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread does.
    fn write_all(&self) {
        let mut queue = self.queue();
        while !queue.is_over {
            let Some(value) = queue.waiting.pop_front() else {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            queue.waiting_bytes -= value.bytes.len();
            queue.writing += 1;
            drop(queue);
            (self.write)(value);
            queue = self.queue();
            queue.writing -= 1;
            // Whoever waits for the end, and any thread.
            self.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn value(length: usize) -> Value {
        Value { kind: "memo", key: String::new(), bytes: vec![0; length] }
    }

    #[test]
    fn the_end_is_after_all_that_was_taken() {
        let written = Arc::new(Mutex::new(0));
        let count = Arc::clone(&written);
        let writers = Writers::new(Box::new(move |_| *count.lock().expect("unpoisoned") += 1));
        writers.finish();
        for _ in 0..200 {
            assert!(writers.take(value(1)));
        }
        writers.finish();
        assert_eq!(*written.lock().expect("unpoisoned"), 200);
    }

    #[test]
    fn what_waits_has_a_bound_and_nobody_waits_for_it() {
        let (go_on, waits) = channel::<()>();
        let waits = Mutex::new(waits);
        let writers = Writers::new(Box::new(move |_| {
            // Ends with the sender.
            let _ = waits.lock().expect("unpoisoned").recv();
        }));
        for _ in 0..MOST_THREADS {
            assert!(writers.take(value(1)));
        }
        while writers.0.queue().writing < MOST_THREADS {
            thread::yield_now();
        }
        assert!(writers.take(value(MOST_WAITING_BYTES + 1)), "it waits alone");
        assert!(!writers.take(value(1)));
        drop(go_on);
        writers.finish();
        assert!(writers.take(value(1)));
        writers.finish();
    }
}
