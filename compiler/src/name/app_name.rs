//! The name of an application: what `metadata.name` of an `Application` may be.

use std::fmt;
use std::str::FromStr;

/// Longest accepted name. The record's objects carry it in their own names, which end at 253.
const MAX_LENGTH: usize = 200;

/// A DNS subdomain (RFC 1123) of at most 200 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppName(String);

/// Text that cannot name an application.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot name an application: at most {MAX_LENGTH} characters a-z, 0-9, `-` and `.`, with a letter or digit at both ends"
)]
pub struct AppNameError(String);

impl AppName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppName {
    type Err = AppNameError;

    fn from_str(text: &str) -> Result<Self, AppNameError> {
        let label = |label: &str| {
            let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
            edge(label.bytes().next())
                && edge(label.bytes().last())
                && label.bytes().all(|byte| byte == b'-' || edge(Some(byte)))
        };
        if text.len() <= MAX_LENGTH && text.split('.').all(label) {
            Ok(Self(text.to_owned()))
        } else {
            Err(AppNameError(text.to_owned()))
        }
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl serde::Serialize for AppName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for AppName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for AppName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AppName".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "description": "The name of an application"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_kubernetes() {
        for good in ["shop", "a", "shop.prod-2", "0"] {
            assert!(good.parse::<AppName>().is_ok(), "{good}");
        }
        for bad in ["", "Shop", "-a", "a-", "a..b", "a/b", "a_b", &"a".repeat(201)] {
            assert!(bad.parse::<AppName>().is_err(), "{bad}");
        }
    }
}
