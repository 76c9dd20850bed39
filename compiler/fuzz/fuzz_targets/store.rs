//! See `stored::Stored::holds`.

#![no_main]

#[path = "../../tests/fuzz/stored.rs"]
#[allow(dead_code, reason = "the test asks for more")]
mod stored;
#[path = "../../tests/fuzz/targets.rs"]
#[allow(dead_code, reason = "each program has one of the targets")]
mod targets;

use std::sync::LazyLock;

static STORED: LazyLock<stored::Stored> = LazyLock::new(stored::Stored::new);

libfuzzer_sys::fuzz_target!(|data: &[u8]| STORED.holds(data));
