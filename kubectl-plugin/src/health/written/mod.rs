//! Health checks that users have written.
//!
//! In: files: `.gitops/health.yaml` of an application, an `argocd-cm` of Argo CD. Out: [`Checks`], and which of them is for a
//! kind. What cannot be read is an error that names the place; nothing is evaluated here.
//!
//! A file that was given first counts first. In one file a check for exactly this kind counts before one for a pattern, and
//! of patterns the longest: Argo CD takes any.

mod argocd;
mod file;
mod pattern;

use std::collections::BTreeMap;

use gitops_compiler::name::group_of;

use super::worker::Script;
use pattern::Pattern;

pub use file::WrittenRules;

/// How large a file may be, and how many checks it may have.
const LARGEST: usize = 1 << 20;
const MOST: usize = 1000;

/// Checks of all files.
#[derive(Debug, Clone, Default)]
pub struct Checks {
    files: Vec<File>,
    texts: Vec<(String, Vec<u8>)>,
}

/// Checks of one file.
#[derive(Debug, Clone, Default)]
struct File {
    /// By group and kind.
    exact: BTreeMap<(String, String), Script>,
    /// The longest pattern first.
    patterns: Vec<(Pattern, Script)>,
}

impl Checks {
    /// Adds those of a file: a ConfigMap as Argo CD reads it, or what [`WrittenRules`] describes. Errors begin with `path`.
    pub fn add(&mut self, path: &str, bytes: &[u8]) -> Result<(), Vec<String>> {
        let at = |message: String| vec![format!("{path}: {message}")];
        if bytes.len() > LARGEST {
            return Err(at(format!("it is larger than {} KiB", LARGEST >> 10)));
        }
        let (file, wrong) = match argocd::config_map(bytes).map_err(at)? {
            Some(data) => argocd::read(&data),
            None => file::read(bytes),
        };
        if file.exact.len() + file.patterns.len() > MOST {
            return Err(at(format!("it has more than {MOST} checks")));
        }
        if !wrong.is_empty() {
            return Err(wrong.into_iter().flat_map(at).collect());
        }
        self.files.push(file);
        self.texts.push((path.to_owned(), bytes.to_vec()));
        Ok(())
    }

    /// With those of others, which count after these.
    #[must_use]
    pub fn and(mut self, others: &Self) -> Self {
        self.files.extend(others.files.iter().cloned());
        self.texts.extend(others.texts.iter().cloned());
        self
    }

    /// The files that were added, with their paths.
    #[must_use]
    pub fn texts(&self) -> &[(String, Vec<u8>)] {
        &self.texts
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.iter().all(|file| file.exact.is_empty() && file.patterns.is_empty())
    }

    /// The check for a kind. Secrets are given to none: what it says of them could hold them.
    pub(super) fn find(&self, group: &str, kind: &str) -> Option<&Script> {
        if group.is_empty() && kind == "Secret" {
            return None;
        }
        let key = (group.to_owned(), kind.to_owned());
        self.files.iter().find_map(|file| {
            let by_pattern = || file.patterns.iter().find(|(pattern, _)| pattern.matches(group, kind));
            file.exact.get(&key).or_else(|| by_pattern().map(|(_, script)| script))
        })
    }
}

impl File {
    /// Adds a check for `group/Kind`, `Kind` or a pattern of either. What is wrong with that goes to `wrong`.
    fn add(&mut self, target: &str, script: Script, wrong: &mut Vec<String>) {
        if target.is_empty() {
            wrong.push("a check is for no kind".to_owned());
            return;
        }
        if target == "Secret" {
            wrong.push("Secrets are not given to health checks: what is said of them could hold them".to_owned());
            return;
        }
        if !Pattern::is_one(target) {
            let (group, kind) = target.split_once('/').unwrap_or(("", target));
            if self.exact.insert((group.to_owned(), kind.to_owned()), script).is_some() {
                wrong.push(format!("there are two checks for {target}"));
            }
            return;
        }
        match Pattern::new(target) {
            Ok(pattern) => self.patterns.push((pattern, script)),
            Err(error) => wrong.push(format!("`{target}` is no pattern: {error}")),
        }
        self.patterns.sort_by(|(left, _), (right, _)| left.cmp(right));
    }

    /// Adds a check for the kind of an `apiVersion`, whatever its version: Flux looks at group and kind as well.
    fn add_kind(&mut self, api_version: &str, kind: &str, script: Script, wrong: &mut Vec<String>) {
        match group_of(api_version) {
            "" => self.add(kind, script, wrong),
            group => self.add(&format!("{group}/{kind}"), script, wrong),
        }
    }
}

#[cfg(test)]
mod tests;
