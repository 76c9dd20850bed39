//! The key of a resource: group, kind, namespace and name.
//!
//! The version is not in it: `apps/v1beta1` to `apps/v1` is a change of one object, not a deletion and a creation.
//! Namespaces bind late: a manifest without one has the scope [`Scope::Unbound`] (`.`) until a plan knows from the
//! server whether the kind is namespaced, and which namespace the application goes to.

use std::fmt;

/// Where a resource lives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The manifest names no namespace; printed as `.`.
    Unbound,
    /// Bound: the kind has no namespaces; printed as nothing.
    Cluster,
    /// This namespace, as the manifest or the plan says.
    Namespace(String),
}

impl Scope {
    /// The namespace, where there is one.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::Namespace(namespace) => Some(namespace),
            Self::Unbound | Self::Cluster => None,
        }
    }

    /// The spelling in ids and files: `.`, nothing, or the namespace.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Unbound => ".",
            Self::Cluster => "",
            Self::Namespace(namespace) => namespace,
        }
    }

    /// Reads the spelling of [`Scope::as_str`].
    #[must_use]
    pub fn from_spelling(text: &str) -> Self {
        match text {
            "." => Self::Unbound,
            "" => Self::Cluster,
            namespace => Self::Namespace(namespace.to_owned()),
        }
    }
}

/// Group, kind, namespace and name of a resource. Keys sort by these, in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceKey {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind, as written.
    pub kind: String,
    /// Namespace.
    pub scope: Scope,
    /// `metadata.name`; `<generateName>*<n>` for a hook that has only `generateName`.
    pub name: String,
}

impl ResourceKey {
    /// A key from its four parts, the namespace in the spelling of [`Scope::as_str`].
    #[must_use]
    pub fn new(group: &str, kind: &str, scope: &str, name: &str) -> Self {
        Self {
            group: group.to_owned(),
            kind: kind.to_owned(),
            scope: Scope::from_spelling(scope),
            name: name.to_owned(),
        }
    }

    /// Whether this is a kind of this group.
    #[must_use]
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }

    /// `Kind` for the kinds that everybody knows, `Kind.group` where the group is not Kubernetes' own.
    #[must_use]
    pub fn qualified_kind(&self) -> String {
        let own = !self.group.contains('.') || self.group.ends_with(".k8s.io");
        if own { self.kind.clone() } else { format!("{}.{}", self.kind, self.group) }
    }

    /// The key with its namespace bound: `destination` for a namespaced kind that names none, and no namespace for a
    /// kind that is not namespaced, whatever the manifest says (as Argo CD does).
    #[must_use]
    pub fn bound(&self, namespaced: bool, destination: &str) -> Self {
        let scope = match (namespaced, &self.scope) {
            (false, _) => Scope::Cluster,
            (true, Scope::Namespace(namespace)) => Scope::Namespace(namespace.clone()),
            (true, Scope::Unbound | Scope::Cluster) => Scope::Namespace(destination.to_owned()),
        };
        Self { scope, ..self.clone() }
    }

    /// `namespace/name`, or the name alone.
    #[must_use]
    pub fn place(&self) -> String {
        self.scope.namespace().map_or_else(|| self.name.clone(), |namespace| format!("{namespace}/{}", self.name))
    }
}

/// `Kind namespace/name`: how people speak of it.
impl fmt::Display for ResourceKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.qualified_kind(), self.place())
    }
}

/// The whole key as one word, `group/Kind/namespace/name`: unambiguous, since none of the parts can hold a slash.
impl serde::Serialize for ResourceKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}/{}/{}/{}", self.group, self.kind, self.scope.as_str(), self.name))
    }
}

impl<'de> serde::Deserialize<'de> for ResourceKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut parts = text.splitn(4, '/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(group), Some(kind), Some(scope), Some(name)) => Ok(Self::new(group, kind, scope, name)),
            _ => Err(serde::de::Error::custom(format!("`{text}` is not group/Kind/namespace/name"))),
        }
    }
}

impl schemars::JsonSchema for ResourceKey {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ResourceKey".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "`group/Kind/namespace/name`; the group is empty for the core group, the namespace for \
                            kinds without one and `.` where none is named",
            "pattern": "^[^/]*/[^/]+/[^/]*/.+$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_bind_by_the_scope_of_the_kind() {
        let unbound = ResourceKey::new("", "ConfigMap", ".", "a");
        assert_eq!(unbound.bound(true, "shop"), ResourceKey::new("", "ConfigMap", "shop", "a"));
        let written = ResourceKey::new("rbac.authorization.k8s.io", "ClusterRole", "shop", "a");
        assert_eq!(written.bound(false, "shop").scope, Scope::Cluster);
    }

    #[test]
    fn keys_read_as_people_say_them() {
        assert_eq!(ResourceKey::new("apps", "Deployment", "shop", "cart").to_string(), "Deployment shop/cart");
        assert_eq!(ResourceKey::new("acme.io", "Offer", ".", "a").to_string(), "Offer.acme.io a");
        let key = ResourceKey::new("", "Namespace", "", "shop");
        assert_eq!(serde_json::to_string(&key).ok(), Some("\"/Namespace//shop\"".to_owned()));
    }
}
