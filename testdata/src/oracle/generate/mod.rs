//! Files to try readers of manifests with: objects as people write them, with everything in them that readers of YAML
//! differ on, and what becomes of such files when bytes are lost or changed.
//!
//! In: a number. Out: the file of that number, the same on every machine, so that one number is all that has to be
//! told of a file that was read wrongly. Most files are ones that kubectl takes: what both readers refuse proves little.
//!
//! The steps, one file each: `scalar` writes single values, `tree` lists and maps of them, `object` objects and lists
//! of them, in YAML and JSON; `file` joins those to files; `mutate` damages them; `random` decides.

mod file;
mod json;
mod mutate;
mod object;
mod random;
mod scalar;
mod tree;

use random::Random;

/// The file of a number.
#[must_use]
pub fn document(number: u64) -> Vec<u8> {
    let mut random = Random::new(number);
    let bytes = match random.below(20) {
        0..=10 => file::yaml(&mut random).into_bytes(),
        11..=12 => file::json(&mut random).into_bytes(),
        13 => {
            let text = file::any(&mut random);
            file::encoded(&mut random, &text)
        }
        _ => {
            let text = file::any(&mut random);
            mutate::damaged(&mut random, text.into_bytes())
        }
    };
    debug_assert!(bytes.len() < 1 << 20, "file {number} is too large to be told");
    bytes
}

#[cfg(test)]
mod tests {
    use super::document;

    #[test]
    fn a_number_is_always_the_same_file() {
        for number in 0..200 {
            assert_eq!(document(number), document(number));
        }
        assert_ne!(document(1), document(2));
    }

    #[test]
    fn files_have_what_readers_differ_on() {
        let files: Vec<Vec<u8>> = (0..2_000).map(document).collect();
        let count = |part: &[u8]| files.iter().filter(|file| file.windows(part.len()).any(|at| at == part)).count();
        for part in [
            "---",
            "...",
            "<<: ",
            "<<: *",
            "\t",
            "\r\n",
            "\u{FEFF}",
            "\u{2028}",
            "\u{85}",
            "yes",
            "0777",
            "1_000",
            "1e3",
            ".inf",
            "2001-01-01",
            "12:30:45",
            "|-",
            ">+",
            "!!binary",
            "&a",
            "*a",
            "\\/",
            "\\'",
            "List",
            "items",
            "ownerReferences",
            "managedFields",
            "generateName",
            "{\"",
            "creationTimestamp",
            "? ",
            "# ",
            "%YAML",
        ] {
            assert!(count(part.as_bytes()) > 3, "{part:?} is in {} of 2,000 files", count(part.as_bytes()));
        }
        assert!(files.iter().filter(|file| std::str::from_utf8(file).is_err()).count() > 20);
    }
}
