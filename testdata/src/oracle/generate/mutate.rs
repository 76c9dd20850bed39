//! Damage: bytes and lines lost, doubled, exchanged or put in.
//!
//! In: the bytes of a file. Out: others, of about the same length.

use super::random::Random;

/// What is put in: mostly what means something to somebody.
const PIECES: &[&[u8]] = &[
    b":",
    b": ",
    b" ",
    b"  ",
    b"\n",
    b"\t",
    b"-",
    b"- ",
    b"#",
    b" #",
    b"'",
    b"\"",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b"&a ",
    b"*a",
    b"!",
    b"!!str ",
    b"|",
    b">",
    b"?",
    b"? ",
    b"%",
    b"@",
    b"`",
    b"\\",
    b"\r",
    b"\r\n",
    b"---\n",
    b"...\n",
    b"~",
    b"0",
    b"_",
    b"<<: ",
    b"\xEF\xBB\xBF",
    b"\xC2\x85",
    b"\xE2\x80\xA8",
    b"\xFF",
    b"\0",
    b"\x7F",
    b"=",
    b"/",
    b"\\/",
    b"\\'",
    b"e",
    b".",
    b"\xC3\xA9",
];

/// The file with some damage.
pub(super) fn damaged(random: &mut Random, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..=random.below(3) {
        if bytes.is_empty() {
            break;
        }
        bytes = if random.once_in(4) { by_line(random, &bytes) } else { by_byte(random, bytes) };
    }
    bytes
}

fn by_byte(random: &mut Random, mut bytes: Vec<u8>) -> Vec<u8> {
    let at = random.below(bytes.len());
    let end = (at + 1 + random.below(8)).min(bytes.len());
    match random.below(8) {
        0 => drop(bytes.drain(at..end)),
        1 => drop(bytes.remove(at)),
        2 => {
            let again = bytes[at..end].to_vec();
            bytes.splice(at..at, again);
        }
        3 => {
            let other = random.below(bytes.len());
            bytes.swap(at, other);
        }
        4 => bytes[at] = random.byte(),
        5 => {
            let to = random.below(bytes.len());
            let moved = bytes[at..end].to_vec();
            bytes.splice(to..to, moved);
        }
        _ => {
            let piece = random.pick(PIECES);
            bytes.splice(at..at, piece.iter().copied());
        }
    }
    bytes
}

fn by_line(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let at = random.below(lines.len());
    match random.below(6) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[at].clone()),
        2 => {
            let other = random.below(lines.len());
            lines.swap(at, other);
        }
        3 => lines[at].insert(0, b' '),
        4 => {
            if lines[at].starts_with(b" ") {
                lines[at].remove(0);
            }
        }
        _ => lines.truncate(at + 1),
    }
    lines.concat()
}
