//! The name of an image, taken apart.
//!
//! In: `registry.example.com:5000/shop/web:1.4.0@sha256:…`. Out: [`Image`]: repository, tag, digest.

/// An image as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Image<'a> {
    /// Everything before the version.
    pub(super) repository: &'a str,
    pub(super) tag: Option<&'a str>,
    pub(super) digest: Option<&'a str>,
}

impl<'a> Image<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let (rest, digest) = text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)));
        // A colon before the last slash is of a port.
        let start = rest.rfind('/').map_or(0, |at| at + 1);
        let (repository, tag) = match rest[start..].find(':') {
            Some(at) => (&rest[..start + at], Some(&rest[start + at + 1..])),
            None => (rest, None),
        };
        Self { repository, tag, digest }
    }

    /// Whether what runs can change by itself.
    pub(super) fn is_mutable(&self) -> bool {
        !self.repository.is_empty() && self.digest.is_none() && self.tag.is_none_or(|tag| tag == "latest")
    }

    /// What tells its versions apart: the tag, else the digest in short.
    pub(super) fn version(&self) -> String {
        let short = |digest: &str| digest.chars().take(19).collect::<String>();
        match (self.tag, self.digest) {
            (Some(tag), Some(digest)) => format!("{tag}@{}", short(digest)),
            (Some(tag), None) => tag.to_owned(),
            (None, Some(digest)) => short(digest),
            (None, None) => "(no version)".to_owned(),
        }
    }

    /// The same place under its full name: Docker's own may be left out.
    pub(super) fn place(&self) -> String {
        let first = self.repository.split('/').next().unwrap_or_default();
        let has_host = self.repository.contains('/') && (first.contains(['.', ':']) || first == "localhost");
        match (has_host, self.repository.contains('/')) {
            (true, _) => self.repository.strip_prefix("index.").unwrap_or(self.repository).to_owned(),
            (false, true) => format!("docker.io/{}", self.repository),
            (false, false) => format!("docker.io/library/{}", self.repository),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_taken_apart() {
        let parts = |text| {
            let Image { repository, tag, digest } = Image::of(text);
            (repository, tag, digest)
        };
        assert_eq!(parts("web"), ("web", None, None));
        assert_eq!(parts("a.b:5000/c/web"), ("a.b:5000/c/web", None, None));
        assert_eq!(parts("a.b:5000/c/web:1"), ("a.b:5000/c/web", Some("1"), None));
        assert_eq!(parts("c/web:1@sha256:0"), ("c/web", Some("1"), Some("sha256:0")));
        assert_eq!(parts("web@sha256:0"), ("web", None, Some("sha256:0")));
    }

    #[test]
    fn mutable_is_what_has_no_version() {
        for text in ["web", "web:latest", "a.b:1/web"] {
            assert!(Image::of(text).is_mutable(), "{text}");
        }
        for text in ["web:1", "web:latest@sha256:0", "web@sha256:0", ""] {
            assert!(!Image::of(text).is_mutable(), "{text}");
        }
    }

    #[test]
    fn one_place_has_short_names() {
        for text in ["redis", "library/redis", "docker.io/library/redis", "index.docker.io/library/redis"] {
            assert_eq!(Image::of(text).place(), "docker.io/library/redis", "{text}");
        }
        assert_eq!(Image::of("localhost/redis").place(), "localhost/redis");
        assert_eq!(Image::of("a:5/redis").place(), "a:5/redis");
    }
}
