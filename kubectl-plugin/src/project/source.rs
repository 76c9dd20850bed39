//! May these repositories be read: `spec.sourceRepos`.

use crate::fetch::shown_text;

use super::{AppProject, Violation};

impl AppProject {
    /// What of these addresses may not be read. As in Argo CD, a denial wins, and a denial that does not apply is an
    /// allowance.
    pub fn sources<'a>(&self, addresses: impl IntoIterator<Item = &'a str>) -> Vec<Violation> {
        addresses.into_iter().filter_map(|address| self.source(address)).collect()
    }

    fn source(&self, address: &str) -> Option<Violation> {
        let why = match self.sources.iter().find(|pattern| pattern.is_denial && !pattern.admits_address(address)) {
            Some(denial) => format!("`{}` of spec.sourceRepos denies it", denial.text),
            None if self.sources.iter().any(|pattern| pattern.admits_address(address)) => return None,
            None => "no pattern of spec.sourceRepos matches it: add it there".to_owned(),
        };
        Some(self.violation(format!("the source {}", shown_text(address)), why))
    }
}
