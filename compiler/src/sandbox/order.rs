//! What the two halves of the sandbox tell each other, and what was enforced.
//!
//! In and out: frames of four bytes of length and JSON: an [`Order`] on the helper's stdin, before what the program is to
//! read, and a [`Report`] on its stdout, before what the program writes. Orders stand in no argument and no environment,
//! which others could read.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::limit::Limits;

/// How long a frame may be.
const LONGEST: u32 = 64 << 20;

/// How much of the sandbox is enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// Nothing but limits.
    None,
    /// A part.
    Weak,
    /// All of it.
    Full,
}

impl fmt::Display for Strength {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "none",
            Self::Weak => "weak",
            Self::Full => "full",
        })
    }
}

/// A part of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Which files may be used.
    Files,
    /// Which system calls may be made: network, processes, everything else.
    Calls,
    /// Another user than root.
    User,
    /// No capabilities.
    Capabilities,
}

/// A part that is not enforced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Which.
    pub part: Part,
    /// Why not.
    pub reason: String,
}

/// What was enforced: everything but what is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enforced {
    /// What was not.
    pub missing: Vec<Missing>,
}

impl Enforced {
    /// All of it in one word.
    #[must_use]
    pub fn strength(&self) -> Strength {
        let lacks = |part: Part| self.missing.iter().any(|missing| missing.part == part);
        match (self.missing.is_empty(), lacks(Part::Files) && lacks(Part::Calls)) {
            (true, _) => Strength::Full,
            (false, true) => Strength::None,
            (false, false) => Strength::Weak,
        }
    }

    /// Why it is not full.
    #[must_use]
    pub fn reasons(&self) -> String {
        self.missing.iter().map(|missing| missing.reason.as_str()).collect::<Vec<_>>().join("; ")
    }

    pub(super) fn lack(&mut self, part: Part, reason: impl Into<String>) {
        self.missing.push(Missing { part, reason: reason.into() });
    }
}

/// What the helper is to do.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    /// Our process: the helper ends with it.
    pub(super) parent: u32,
    pub(super) run: Run,
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) layout: Option<OsString>,
    pub(super) scratch: Option<OsString>,
    pub(super) limits: Limits,
    pub(super) least: Strength,
}

/// What it is to become.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Run {
    Program { path: OsString, arguments: Vec<OsString>, libraries: Vec<OsString> },
    Worker(String),
}

/// What the helper answers, once.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Report {
    /// The program comes next.
    Ready(Enforced),
    /// It does not: less is enforced than was asked for.
    TooWeak(Enforced),
    /// It does not: this went wrong.
    Failed(String),
}

pub(super) fn encode(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).ok().filter(|length| *length <= LONGEST);
    let length = length.ok_or_else(|| io::Error::other("a frame is too long"))?;
    Ok([&length.to_be_bytes(), body.as_slice()].concat())
}

pub(super) fn write(writer: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    writer.write_all(&encode(message)?)?;
    writer.flush()
}

/// Reads a frame and not a byte more: the rest is for the program.
pub(super) fn read<T: DeserializeOwned>(reader: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    reader.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > LONGEST {
        return Err(io::Error::other("a frame is too long"));
    }
    let mut body = Vec::new();
    reader.take(u64::from(length)).read_to_end(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_to_its_end_and_not_further() {
        let order = Order {
            parent: 7,
            run: Run::Program { path: "/x".into(), arguments: vec!["a b".into()], libraries: Vec::new() },
            environment: vec![("A".into(), "=\n".into())],
            layout: None,
            scratch: Some("/s".into()),
            limits: Limits::default(),
            least: Strength::Weak,
        };
        let mut bytes = encode(&order).expect("short enough");
        bytes.extend(b"rest");
        let mut reader = bytes.as_slice();
        assert_eq!(read::<Order>(&mut reader).expect("whole"), order);
        assert_eq!(reader, b"rest");
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        for bytes in [b"".as_slice(), b"\0\0", b"\0\0\0\x05{}", b"\xff\xff\xff\xff{}", b"\0\0\0\x02[]"] {
            assert!(read::<Order>(&mut &*bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_missing_decides_the_strength() {
        let strength = |parts: &[Part]| {
            let mut enforced = Enforced::default();
            for part in parts {
                enforced.lack(*part, "x");
            }
            enforced.strength()
        };
        assert_eq!(strength(&[]), Strength::Full);
        for part in [Part::Files, Part::Calls, Part::User, Part::Capabilities] {
            assert_eq!(strength(&[part]), Strength::Weak);
        }
        assert_eq!(strength(&[Part::Files, Part::Calls]), Strength::None);
        assert!(Strength::None < Strength::Weak && Strength::Weak < Strength::Full);
    }
}
