//! What things of an installation are called.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The name of the application that an installation is, and of its objects.
pub const NAME: &str = "kubectl-gitops";

/// The namespace where nobody says.
pub const NAMESPACE: &str = "kubectl-gitops";

/// Longer references are of no registry.
const LONGEST: usize = 512;

/// A reference to an image: `[host/]name[:tag][@digest]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image(String);

/// A text that is no reference to an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no image: write one like registry.example.com/kubectl-gitops:1.0")]
pub struct NotAnImage(String);

impl FromStr for Image {
    type Err = NotAnImage;

    fn from_str(text: &str) -> Result<Self, NotAnImage> {
        let known = |c: char| c.is_ascii_alphanumeric() || "./:@_-".contains(c);
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if begins && text.len() <= LONGEST && text.chars().all(known) {
            return Ok(Self(text.to_owned()));
        }
        // It is shown to who wrote it; what it shows on a terminal is theirs.
        Err(NotAnImage(text.chars().filter(|c| !c.is_control()).take(80).collect()))
    }
}

impl fmt::Display for Image {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Labels of every object.
pub(super) fn labels() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([("app.kubernetes.io/name", NAME), ("app.kubernetes.io/part-of", NAME)])
}

/// Labels by which the controller's Pods are found; they never change.
pub(super) fn selector() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([("app.kubernetes.io/name", NAME), ("app.kubernetes.io/component", "controller")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_a_reference_and_nothing_else() {
        for text in ["kubectl-gitops:0.1.0", "registry.example.com:5000/a/b@sha256:0123", "a_b/c.d"] {
            assert_eq!(text.parse::<Image>().expect("an image").to_string(), text);
        }
        for text in ["", "-x", "a b", "a\nb", "a\"b", "a;b", "$(x)", &"a".repeat(600)] {
            assert!(text.parse::<Image>().is_err(), "{text}");
        }
    }
}
