//! What a log says about tests that failed: a long log says it once, somewhere, and who reads its end wants it there.
//!
//! In: the log of a check, as `cargo test` printed it. Out: of each failed test its name and what it said, without its
//! backtrace, and no more than [`LINES`] lines of it.

/// How much of what one test said is told again.
const LINES: usize = 40;
/// How much of a line.
const COLUMNS: usize = 500;

/// All failed tests of a log, in its order; nothing where none failed.
pub(super) fn of_log(log: &[u8]) -> String {
    let log = String::from_utf8_lossy(log);
    let mut told = String::new();
    // How many more lines of this test are told; none outside of one.
    let mut room = 0;
    for line in log.lines() {
        if line.starts_with("---- ") && line.ends_with(" ----") {
            room = LINES;
        } else if line == "failures:" || line.starts_with("stack backtrace:") {
            room = 0;
        } else if line.is_empty() {
            continue;
        }
        if room > 0 {
            room -= 1;
            told.extend(line.chars().take(COLUMNS));
            told.push('\n');
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_failed_test_said_is_told_without_its_backtrace() {
        let log = "running 3 tests\ntest a ... ok\ntest b ... FAILED\n\nfailures:\n\n---- b stdout ----\n\n\
                   thread 'b' panicked at b.rs:1:2:\nit is wrong\nstack backtrace:\n   0: rust_begin_unwind\n\n\
                   ---- c stdout ----\nError: no c\n\n\nfailures:\n    b\n    c\n\ntest result: FAILED. 1 passed\n";
        assert_eq!(
            of_log(log.as_bytes()),
            "---- b stdout ----\nthread 'b' panicked at b.rs:1:2:\nit is wrong\n---- c stdout ----\nError: no c\n"
        );
    }

    #[test]
    fn one_test_does_not_crowd_out_another() {
        let many = "it goes on\n".repeat(1000);
        let log = format!("failures:\n\n---- a stdout ----\n{many}---- b stdout ----\nno b\n\nfailures:\n");
        let told = of_log(log.as_bytes());
        assert_eq!(told.lines().count(), LINES + 2);
        assert!(told.ends_with("---- b stdout ----\nno b\n"), "{told}");
    }

    #[test]
    fn nothing_is_told_where_none_failed() {
        assert_eq!(of_log(b"running 1 test\ntest a ... ok\n\ntest result: ok. 1 passed\n"), "");
    }
}
