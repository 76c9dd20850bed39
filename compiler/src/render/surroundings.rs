//! What is around a render, and must not change what it gives.
//!
//! In: the private folder of a render, a folder for its layout. Out: its environment, the place of its layout and the order
//! in which the files are written. [`Surroundings::Other`] differs from [`Surroundings::Usual`] in all of these: a render
//! that gives the same in both can be trusted to be made of its recipe alone, as far as that can be seen from outside.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Where a render takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surroundings {
    /// As always: UTC, and as many threads as there are processors.
    Usual,
    /// Another home, place for temporary files, time zone and number of threads; a deeper layout, whose files are written in
    /// the opposite order.
    Other,
}

/// Variables that name the private folder.
const FOLDERS: [&str; 6] = ["HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "HELM_PLUGINS"];

/// The other home, below the private folder.
const OTHER_HOME: &str = "another/home";

/// The other layout, below the folder for layouts.
const OTHER_LAYOUT: &str = "another/place/for-files";

/// What the other home has as its time zone. By name zones are looked for in files of the system, which a render cannot read.
const ZONE_FILE: &str = "zone";

/// 13 hours and 45 minutes ahead of UTC, in seconds: most of the time it is tomorrow there.
const OFFSET: i32 = 13 * 3600 + 45 * 60;

impl Surroundings {
    /// All that a program finds in its environment. Makes what that names in its private folder.
    pub(super) fn environment(self, scratch: &Path) -> io::Result<Vec<(OsString, OsString)>> {
        let folders = |home: &Path| FOLDERS.map(|name| (OsString::from(name), home.as_os_str().to_owned())).to_vec();
        match self {
            Self::Usual => Ok(folders(scratch)),
            Self::Other => {
                let home = scratch.join(OTHER_HOME);
                make_home(scratch, &home)?;
                let zone = home.join(ZONE_FILE);
                fs::write(&zone, zone_file())?;
                let processors = std::thread::available_parallelism().map_or(1, usize::from);
                let threads = if processors > 1 { "1" } else { "4" };
                let mut environment = folders(&home);
                environment.push(("TZ".into(), zone.into()));
                environment.push(("GOMAXPROCS".into(), threads.into()));
                Ok(environment)
            }
        }
    }

    /// Where files are laid out, below a folder for that.
    pub(super) fn layout(self, folder: &Path) -> io::Result<PathBuf> {
        match self {
            Self::Usual => Ok(folder.to_owned()),
            Self::Other => {
                let deeper = folder.join(OTHER_LAYOUT);
                fs::create_dir_all(&deeper)?;
                Ok(deeper)
            }
        }
    }

    /// Whether the files of a layout are written from the last to the first.
    pub(super) fn is_backwards(self) -> bool {
        self == Self::Other
    }
}

/// The job may run as another user, who becomes the owner of the private folder alone. That lets nobody else in.
fn make_home(scratch: &Path, home: &Path) -> io::Result<()> {
    fs::create_dir_all(home)?;
    for folder in home.ancestors().take_while(|folder| *folder != scratch) {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777))?;
    }
    Ok(())
}

/// A time zone of one offset, as RFC 8536 has it: a header with six counts, the offset, a name.
fn zone_file() -> Vec<u8> {
    let mut file = b"TZif".to_vec();
    file.extend([0; 16]);
    for count in [0_u32, 0, 0, 0, 1, 4] {
        file.extend(count.to_be_bytes());
    }
    file.extend(OFFSET.to_be_bytes());
    file.extend([0, 0]);
    file.extend(b"FAR\0");
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_surroundings_share_nothing_with_the_usual_ones() {
        let scratch = tempfile::tempdir().expect("a folder");
        let usual = Surroundings::Usual.environment(scratch.path()).expect("made");
        let other = Surroundings::Other.environment(scratch.path()).expect("made");
        assert!(other.iter().all(|variable| !usual.contains(variable)));
        for (name, value) in other.iter().filter(|(name, _)| name != "GOMAXPROCS") {
            assert!(Path::new(value).exists(), "{name:?}");
        }
        let layout = Surroundings::Other.layout(scratch.path()).expect("made");
        assert!(layout.is_dir() && layout.starts_with(scratch.path()) && layout != scratch.path());
    }

    #[test]
    fn the_time_zone_is_as_long_as_its_counts_say() {
        assert_eq!(zone_file().len(), 44 + 6 + 4);
    }
}
