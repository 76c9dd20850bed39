//! Hostile bytes by the million on a stable compiler: seeds, mutated in small ways.
//!
//! In: what is done with the bytes, seeds, and how much memory that may take. Out: a panic that shows the input where
//! a promise was broken. The seed of all choices is fixed, so that a failure comes back; `GITOPS_LONG=1` makes a
//! million runs of each target, else a short slice.
//!
//! # Memory
//! The heap is counted: the program says `#[global_allocator] static HEAP: PeakAlloc = PeakAlloc;`, which is looked
//! at. What one run adds to it may be [`Heap::for_any_input`] and [`Heap::for_each_byte`] of input, and not more. Targets
//! of one program take turns, so that each is charged with its own. What C allocates is not counted; all together may
//! not need more than [`ADDRESS_SPACE`], or the system ends the program.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Instant;

pub use peak_alloc::PeakAlloc;

use crate::random::SplitMix64;

/// What a program of these tests may have of it, in bytes.
pub const ADDRESS_SPACE: u64 = 6 << 30;

/// How many runs a target gets, in short and at length.
const RUNS: (usize, usize) = (20_000, 1_000_000);

/// Bytes that mean something to a reader of text.
const TELLING: &[u8] = b" \n:-#{}[],&*!|>'\"%@`\t\\?~0\xff\xc3";

/// How much memory one run may take, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Heap {
    /// Whatever the input is.
    pub for_any_input: usize,
    /// For each of its bytes.
    pub for_each_byte: usize,
}

impl Heap {
    fn limit(self, input: usize) -> usize {
        self.for_any_input + self.for_each_byte * input
    }
}

/// The right to be the only one of this program that uses memory: whoever has it is charged with all that is taken.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "held until it is dropped")] MutexGuard<'static, ()>);

/// Waits for those before; the first thing that a test does.
///
/// # Panics
/// Where the program does not count its heap.
#[must_use]
pub fn turn() -> Turn {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    limit_address_space();
    assert!(is_counted(), "the heap is not counted: see gitops_testdata::fuzz");
    Turn(turn)
}

impl Turn {
    /// Runs `target` over the seeds, and then over what `mutate` makes of them.
    ///
    /// # Panics
    /// Where `target` does, or takes too much; the message has the input.
    pub fn run(
        &self,
        name: &str,
        heap: Heap,
        seeds: &[Vec<u8>],
        mut mutate: impl FnMut(&[Vec<u8>], &mut SplitMix64) -> Vec<u8>,
        target: impl Fn(&[u8]),
    ) {
        assert!(!seeds.is_empty(), "`{name}` has no seeds");
        let runs = if std::env::var_os("GITOPS_LONG").is_some() { RUNS.1 } else { RUNS.0 };
        let (mut random, mut most, started) = (SplitMix64::new(20_261_123), 0, Instant::now());
        // What is made once and kept is charged to nobody.
        for seed in seeds {
            target(seed);
        }
        for round in 0..runs {
            let bytes = if round < seeds.len() { seeds[round].clone() } else { mutate(seeds, &mut random) };
            let mut held = true;
            let taken = self.heap_of(|| held = catch_unwind(AssertUnwindSafe(|| target(&bytes))).is_ok());
            let shown = || format!("round {round} of `{name}`, {} bytes: b\"{}\"", bytes.len(), bytes.escape_ascii());
            assert!(held, "{}", shown());
            assert!(taken <= heap.limit(bytes.len()), "{taken} bytes of memory in {}", shown());
            most = most.max(taken);
        }
        let seconds = started.elapsed().as_secs();
        let told = format!("{name}: {runs} runs in {seconds} s, none of which took more than {} KiB\n", most >> 10);
        let _ = std::io::stderr().write_all(told.as_bytes());
    }

    /// The most heap that `work` held at once, beside what there was.
    pub fn heap_of(&self, work: impl FnOnce()) -> usize {
        PeakAlloc.reset_peak_usage();
        let before = PeakAlloc.current_usage();
        work();
        PeakAlloc.peak_usage().saturating_sub(before)
    }
}

/// A few small changes: bytes set, flipped, counted up or down, left out, put in, doubled, moved, taken from another
/// seed.
pub fn mutate(seeds: &[Vec<u8>], random: &mut SplitMix64) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len());
        let end = (at + 1 + random.below(12)).min(bytes.len());
        match random.below(8) {
            0 if !bytes.is_empty() => bytes[at] = random.number().to_le_bytes()[0],
            1 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            2 if !bytes.is_empty() => bytes[at] = bytes[at].wrapping_add([1, 255][random.below(2)]),
            3 => drop(bytes.drain(at..end)),
            4 => bytes.insert(at, TELLING[random.below(TELLING.len())]),
            5 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            6 => {
                let piece: Vec<u8> = bytes.drain(at..end).collect();
                let to = random.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            _ => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len());
                let piece = &other[from..(from + random.below(24)).min(other.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
    bytes
}

fn limit_address_space() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let maximum = getrlimit(Resource::As).maximum;
        let current = Some(maximum.map_or(ADDRESS_SPACE, |maximum| maximum.min(ADDRESS_SPACE)));
        setrlimit(Resource::As, Rlimit { current, maximum }).expect("a lower limit is always taken");
    });
}

fn is_counted() -> bool {
    let before = PeakAlloc.current_usage();
    let held = std::hint::black_box(vec![1_u8; 1 << 20]);
    // A test that has just ended may be giving back a little.
    PeakAlloc.current_usage() >= before + held.len() / 2
}
