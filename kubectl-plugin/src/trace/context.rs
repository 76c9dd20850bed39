//! Who is whose child: ids of traces and spans, as W3C's Trace Context writes them. Pure, but for random numbers.

use std::fmt::Write as _;

/// A span, as its children know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    pub(super) trace: [u8; 16],
    pub(super) span: [u8; 8],
}

impl Context {
    /// A new span: of this trace, or the first of its own.
    pub(super) fn child_of(parent: Option<&Self>) -> Option<Self> {
        let (mut trace, mut span) = ([0; 16], [0; 8]);
        getrandom::fill(&mut span).ok()?;
        match parent {
            Some(parent) => trace = parent.trace,
            None => getrandom::fill(&mut trace).ok()?,
        }
        Some(Self { trace, span }).filter(Self::is_valid)
    }

    /// Of the header `traceparent`; nothing where it is none, or its caller does not record.
    #[must_use]
    pub fn read(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let [version] = bytes::<1>(version)?;
        // Later versions may have more parts, the first has none.
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return None;
        }
        let [flags] = bytes::<1>(flags)?;
        let context = Self { trace: bytes(trace)?, span: bytes(span)? };
        (flags & 1 == 1 && context.is_valid()).then_some(context)
    }

    fn is_valid(&self) -> bool {
        self.trace != [0; 16] && self.span != [0; 8]
    }
}

/// In lower case, as the header has it.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 2 * N || !text.bytes().all(is_hex) {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// As OTLP in JSON writes ids.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_read_as_it_is_written_down() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent = Context::read(text).expect("a parent");
        assert_eq!((hex(&parent.trace).as_str(), hex(&parent.span).as_str()), (&text[3..35], &text[36..52]));
        let child = Context::child_of(Some(&parent)).expect("random");
        assert!(child.trace == parent.trace && child.span != parent.span);
        assert_ne!(Context::child_of(None).expect("random").trace, parent.trace);
        assert!(Context::read(&text.replacen("00-", "01-", 1).replace("-01", "-03-more")).is_some());
        for wrong in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-ébf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert!(Context::read(wrong).is_none(), "{wrong}");
        }
    }
}
