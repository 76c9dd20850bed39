//! Pointers of Git LFS: what a repository has in the place of a large file.
//!
//! In: the bytes of a file. Out: a [`Pointer`], which pins the content by its SHA-256 and its size; and the reverse, the
//! pointer of a content. Read is exactly what Git LFS writes (its specification, "The Pointer", version 1), so that one
//! content has one pointer: the clean working tree has the oids of its commit, though the one has contents and the other
//! pointers.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::canon::{Id, Input};

/// Larger files are no pointers, for Git LFS neither.
pub(super) const MAX_POINTER_BYTES: u64 = 1024;

/// How a pointer begins.
const VERSION: &str = "version https://git-lfs.github.com/spec/v1\n";

/// A content that is somewhere else: its SHA-256 and how many bytes it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pointer {
    digest: [u8; 32],
    size: u64,
}

impl Pointer {
    /// The pointer of a content.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self { digest: Sha256::digest(content).into(), size: content.len() as u64 }
    }

    pub(super) fn new(digest: [u8; 32], size: u64) -> Self {
        Self { digest, size }
    }

    /// The pointer that a file is. None where it is a file like any other.
    ///
    /// # Errors
    /// Where it begins as a pointer and is none that Git LFS writes: why.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Result<Self, &'static str>> {
        if bytes.len() as u64 > MAX_POINTER_BYTES {
            return None;
        }
        let rest = bytes.strip_prefix(VERSION.as_bytes())?;
        Some(Self::read_fields(rest))
    }

    fn read_fields(rest: &[u8]) -> Result<Self, &'static str> {
        let rest = std::str::from_utf8(rest).map_err(|_| "it is not UTF-8")?;
        if rest.starts_with("ext-") {
            return Err("extensions of Git LFS made it, which are programs and are not run");
        }
        let (oid, rest) = rest.split_once('\n').ok_or("its second line has no end")?;
        let (size, rest) = rest.split_once('\n').ok_or("its third line has no end")?;
        if !rest.is_empty() {
            return Err("it has more than three lines");
        }
        let digest = oid.strip_prefix("oid sha256:").and_then(digest_of);
        let digest = digest.ok_or("its second line is not `oid sha256:` and 64 hexadecimal digits in lower case")?;
        let size = size.strip_prefix("size ").and_then(size_of).ok_or("its third line is not `size` and a number")?;
        Ok(Self { digest, size })
    }

    /// The file that stands for the content in a repository.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{VERSION}oid sha256:{}\nsize {}\n", self.oid(), self.size)
    }

    /// The SHA-256 of the content, in hexadecimal.
    #[must_use]
    pub fn oid(&self) -> String {
        use fmt::Write as _;
        self.digest.iter().fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a text does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// How many bytes the content has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether this is the content.
    ///
    /// # Errors
    /// What it is instead.
    pub fn check(&self, content: &[u8]) -> Result<(), String> {
        let found = Self::of(content);
        if found.size != self.size {
            return Err(format!("it has {} bytes, not {} as its pointer says", found.size, self.size));
        }
        if found.digest != self.digest {
            return Err(format!("it has the SHA-256 {}, not {} as its pointer says", found.oid(), self.oid()));
        }
        Ok(())
    }

    /// What the content is known by without being read. No other file is known by the same, whatever it holds.
    pub(super) fn identity(&self) -> [u8; 32] {
        *Id::<Input>::of(self.text().as_bytes()).digest()
    }
}

/// 64 hexadecimal digits in lower case.
fn digest_of(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let text: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(digest)
}

/// A number as it is written by everybody: without a sign and without zeros before it, and no larger than Git LFS has them.
fn size_of(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let size: u64 = text.parse().ok().filter(|_| is_plain)?;
    i64::try_from(size).is_ok().then_some(size)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OID: &str = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";

    fn pointer() -> String {
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 12345\n")
    }

    #[test]
    fn the_example_of_the_specification_is_read() {
        let read = Pointer::read(pointer().as_bytes()).expect("a pointer").expect("a sound one");
        assert_eq!((read.oid().as_str(), read.size(), read.text()), (OID, 12345, pointer()));
    }

    #[test]
    fn a_content_is_told_from_others() {
        let hello = Pointer::of(b"hello\n");
        assert_eq!(hello.oid(), "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
        assert_eq!(hello.check(b"hello\n"), Ok(()));
        assert!(hello.check(b"hello").expect_err("shorter").contains("5 bytes, not 6"));
        assert!(hello.check(b"hellO\n").expect_err("other").contains("not 5891b5b5"));
        let longer = Pointer { size: 7, ..hello };
        assert!(longer.check(b"hello\n").is_err() && longer.identity() != hello.identity());
        assert_ne!(hello.identity(), Pointer::of(b"hellO\n").identity());
    }

    #[test]
    fn what_does_not_begin_as_a_pointer_is_a_file() {
        for text in [
            "",
            "version https://git-lfs.github.com/spec/v1",
            "version https://git-lfs.github.com/spec/v2\n",
            "version https://hawser.github.com/spec/v1\n",
            " version https://git-lfs.github.com/spec/v1\n",
            "version  https://git-lfs.github.com/spec/v1\n",
            "\u{feff}version https://git-lfs.github.com/spec/v1\n",
            "version https://git-lfs.github.com/spec/v1\r\n",
        ] {
            assert_eq!(Pointer::read(text.as_bytes()), None, "{text:?}");
        }
        let long = pointer() + &" ".repeat(1024);
        assert_eq!(Pointer::read(long.as_bytes()), None, "too long");
    }

    #[test]
    fn what_git_lfs_would_not_write_is_an_error() {
        let sound = pointer();
        for (from, to) in [
            ("sha256", "sha1"),
            ("4d7a", "4D7A"),
            ("4d7a", "4d7"),
            ("4d7a", "4d7ag"),
            ("4d7a", "4d7ä"),
            ("oid ", "oid  "),
            ("oid", "ext-0-x sha256:00\noid"),
            ("oid", "aaa x\noid"),
            ("size 12345", "size -1"),
            ("size 12345", "size +1"),
            ("size 12345", "size 012345"),
            ("size 12345", "size 12345 "),
            ("size 12345", "size "),
            ("size 12345", "size 9223372036854775808"),
            ("size 12345", "size 99999999999999999999999999"),
            ("size 12345\n", "size 12345"),
            ("size 12345\n", "size 12345\r\n"),
            ("size 12345\n", "size 12345\n\n"),
            ("size 12345\n", "size 12345\nzzz 1\n"),
            ("size 12345\n", "size 12345\nsize 12345\n"),
            ("size 12345\n", ""),
        ] {
            let text = sound.replacen(from, to, 1);
            assert_ne!(text, sound);
            assert!(matches!(Pointer::read(text.as_bytes()), Some(Err(_))), "{text:?}");
        }
        let binary = [sound.as_bytes(), b"\xff"].concat();
        assert_eq!(Pointer::read(&binary), Some(Err("it is not UTF-8")));
        let swapped = format!("version https://git-lfs.github.com/spec/v1\nsize 12345\noid sha256:{OID}\n");
        assert!(matches!(Pointer::read(swapped.as_bytes()), Some(Err(_))));
    }

    proptest! {
        #[test]
        fn one_content_has_one_pointer(content in prop::collection::vec(any::<u8>(), 0..64), size in 0..=i64::MAX as u64) {
            let of = Pointer::of(&content);
            prop_assert_eq!(Pointer::read(of.text().as_bytes()), Some(Ok(of)));
            let sized = Pointer { size, ..of };
            prop_assert_eq!(Pointer::read(sized.text().as_bytes()), Some(Ok(sized)));
            prop_assert_eq!(of == sized, of.identity() == sized.identity());
        }

        #[test]
        fn whatever_is_read_is_what_would_be_written(place in 0..150_usize, byte in any::<u8>(), cut in 0..150_usize) {
            let mut bytes = pointer().into_bytes();
            let length = bytes.len();
            bytes[place % length] = byte;
            bytes.truncate(length - cut.saturating_sub(140));
            if let Some(Ok(read)) = Pointer::read(&bytes) {
                prop_assert_eq!(read.text().into_bytes(), bytes);
            }
        }

        #[test]
        fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
            let _ = Pointer::read(&bytes);
            let _ = Pointer::read(&[VERSION.as_bytes(), &bytes].concat());
        }
    }
}
