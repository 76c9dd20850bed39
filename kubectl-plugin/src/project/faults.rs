//! What is wrong with a project, collected.

use super::pattern::Pattern;

/// What is wrong with a project.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) told: Vec<String>,
}

impl Faults {
    /// The patterns of a list. Those that are none are told with their place.
    pub(super) fn patterns(
        &mut self,
        list: &[String],
        place: &str,
        read: impl Fn(&str) -> Result<Pattern, String>,
    ) -> Vec<Pattern> {
        let numbered = list.iter().enumerate();
        numbered.filter_map(|(index, text)| self.pattern(text, &format!("{place}[{index}]"), &read)).collect()
    }

    /// One pattern.
    pub(super) fn pattern(
        &mut self,
        text: &str,
        place: &str,
        read: impl Fn(&str) -> Result<Pattern, String>,
    ) -> Option<Pattern> {
        read(text).map_err(|why| self.told.push(format!("{place}: {why}"))).ok()
    }
}
