//! Where requests lead, by the table of what is served.
//!
//! In: a method and a path. Out: a [`Route`] and the names in the path. Names are those of Kubernetes' objects: what cannot
//! be one is no path of ours, and so never part of a request to the API server.

use http::Method;

use super::table::ROUTES;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Version,
    Settings,
    SignIn,
    SignOut,
    UserInfo,
    List,
    Create,
    Watch,
    Get,
    Update,
    Patch,
    Delete,
    UpdateSpec,
    Sync,
    Rollback,
    Terminate,
    Events,
    Logs,
    Resource,
    Manifests,
    Tree,
    Projects,
    Clusters,
    Repositories,
    Rows,
    WatchRows,
    History,
    Graph,
    Rights,
    Refresh,
    Managed,
    WatchTree,
    Diff,
    Plan,
    Hold,
    Release,
    WatchRun,
    Login,
    Callback,
    Logout,
}

impl Action {
    /// Whether it asks for what is where an Application's objects are: they, what happens to them, its record.
    pub(super) fn looks_at_the_destination(self) -> bool {
        matches!(
            self,
            Self::Events
                | Self::Graph
                | Self::History
                | Self::Logs
                | Self::Manifests
                | Self::Resource
                | Self::Tree
                | Self::Managed
                | Self::WatchTree
                | Self::Diff
                | Self::Plan
                | Self::WatchRun
        )
    }
}

/// How it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    /// As HTTP has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// Anybody.
    Open,
    /// Anybody; whoever is signed in is told more.
    Ajar,
    /// Whoever is signed in.
    Closed,
}

/// Something that is served.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    pub(super) verb: Verb,
    pub(super) path: &'static str,
    pub(super) action: Action,
    pub(super) door: Door,
    /// What it does, for the document.
    pub(super) summary: &'static str,
    /// Names of the query, by what they are.
    pub(super) query: &'static [&'static [&'static str]],
    /// The schema of what is sent and of what is answered, by name; empty where there is none.
    pub(super) takes: &'static str,
    pub(super) gives: &'static str,
}

impl Route {
    pub(super) const fn new(
        verb: Verb,
        path: &'static str,
        action: Action,
        gives: &'static str,
        summary: &'static str,
    ) -> Self {
        Self { verb, path, action, door: Door::Closed, summary, query: &[], takes: "", gives }
    }

    pub(super) const fn door(self, door: Door) -> Self {
        Self { door, ..self }
    }

    pub(super) const fn query(self, query: &'static [&'static [&'static str]]) -> Self {
        Self { query, ..self }
    }

    pub(super) const fn takes(self, takes: &'static str) -> Self {
        Self { takes, ..self }
    }
}

/// Where a request leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Here, with these names.
    Here(usize, Vec<String>),
    /// The path is ours, with these methods only.
    OtherMethod(Vec<&'static str>),
    /// Nowhere.
    Nowhere,
}

/// Finds where a request leads.
pub(super) fn find(method: &Method, path: &str) -> Found {
    let mut others = Vec::new();
    for (number, route) in ROUTES.iter().enumerate() {
        if let Some(names) = names(route.path, path) {
            if route.verb.name() == method.as_str() {
                return Found::Here(number, names);
            }
            others.push(route.verb.name());
        }
    }
    if others.is_empty() { Found::Nowhere } else { Found::OtherMethod(others) }
}

/// The names in a path that is of this form.
fn names(form: &str, path: &str) -> Option<Vec<String>> {
    let (mut forms, mut parts, mut names) = (form.split('/'), path.split('/'), Vec::new());
    loop {
        match (forms.next(), parts.next()) {
            (None, None) => return Some(names),
            (Some(form), Some(part)) if form.starts_with('{') => names.push(name(part)?.to_owned()),
            (Some(form), Some(part)) if form == part => {}
            _ => return None,
        }
    }
}

/// A name that an object may have, and nothing that is more than one in a path.
pub(super) fn name(text: &str) -> Option<&str> {
    let is_of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let is_name = (1..=253).contains(&text.len())
        && text.bytes().all(is_of_name)
        && !text.starts_with(['-', '.'])
        && !text.ends_with(['-', '.']);
    is_name.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(method: Method, path: &str) -> Option<(Action, Vec<String>)> {
        match find(&method, path) {
            Found::Here(number, names) => Some((ROUTES[number].action, names)),
            _ => None,
        }
    }

    #[test]
    fn paths_lead_where_they_say() {
        let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(action(Method::GET, "/api/v1/applications"), Some((Action::List, named(&[]))));
        assert_eq!(action(Method::DELETE, "/api/v1/applications/a.b"), Some((Action::Delete, named(&["a.b"]))));
        let logs = action(Method::GET, "/api/v1/applications/a/pods/b/logs");
        assert_eq!(logs, Some((Action::Logs, named(&["a", "b"]))));
        assert_eq!(find(&Method::POST, "/api/version"), Found::OtherMethod(vec!["GET"]));
        let others = vec!["GET", "PUT", "PATCH", "DELETE"];
        assert_eq!(find(&Method::TRACE, "/api/v1/applications/a"), Found::OtherMethod(others));
    }

    #[test]
    fn what_is_no_name_leads_nowhere() {
        for part in ["", ".", "..", "a%2fb", "a/b", "A", "a b", "a?b", "-a", "a-", "%2e%2e", "a;b", &"a".repeat(254)] {
            assert_eq!(find(&Method::GET, &format!("/api/v1/applications/{part}/events")), Found::Nowhere, "{part}");
        }
        assert_eq!(find(&Method::GET, "/api/v1/applications/"), Found::Nowhere);
    }

    #[test]
    fn nothing_is_there_twice() {
        for (number, route) in ROUTES.iter().enumerate() {
            let path = route.path.replace("{name}", "a").replace("{podName}", "b");
            let method = Method::from_bytes(route.verb.name().as_bytes()).expect("a method");
            assert!(matches!(find(&method, &path), Found::Here(found, _) if found == number), "{}", route.path);
        }
    }
}
