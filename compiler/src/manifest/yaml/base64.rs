//! Base64 as Go's `base64.StdEncoding` decodes it, for `!!binary`.
//!
//! In: text. Out: bytes, or nothing where Go reports an error.
//! Guarantees: line ends are skipped anywhere, padding is required, and unused bits may be anything, as in Go.

/// Decodes `text`.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let symbols: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let (quads, rest) = symbols.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(quads.len() * 3);
    for (at, quad) in quads.iter().enumerate() {
        let last = at + 1 == quads.len();
        let length = match quad {
            [_, _, b'=', b'='] if last => 1,
            [_, _, _, b'='] if last => 2,
            _ => 3,
        };
        let mut group = 0;
        for symbol in &quad[..=length] {
            group = group << 6 | value(*symbol)?;
        }
        // What the missing symbols would have filled.
        group <<= 6 * (3 - length);
        bytes.extend_from_slice(&group.to_be_bytes()[1..=length]);
    }
    Some(bytes)
}

fn value(symbol: u8) -> Option<u32> {
    let value = match symbol {
        b'A'..=b'Z' => symbol - b'A',
        b'a'..=b'z' => symbol - b'a' + 26,
        b'0'..=b'9' => symbol - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn whole_and_padded_groups_are_decoded() {
        for (text, expected) in
            [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9v\r\nYg=\n=\n", "foob"), ("Zh==", "f")]
        {
            assert_eq!(decode(text).as_deref(), Some(expected.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for text in ["Zg", "Zg=", "Z===", "Zg==Zg==", "Zm9v ", "Zm-_", "=", "====", "Zg=a"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
