//! What is served: one table, by which requests find their action and the document of the API is made.

use super::routes::{Action, Door, Route, Verb};

/// Which Application.
const APP: &[&str] = &["appNamespace", "project"];
const UPSERT: &[&str] = &["upsert"];
const FILTER: &[&str] = &["name", "project", "selector", "repo", "appNamespace", "cluster", "sync", "health", "search"];
const PAGE: &[&str] = &["limit", "continue"];
const RELEASE: &[&str] = &["release"];
const FIELDS: &[&str] = &["fields"];
const REFRESH: &[&str] = &["refresh"];
const SINCE: &[&str] = &["resourceVersion"];
const OBJECT: &[&str] = &["resourceNamespace", "resourceName", "resourceUID"];
const DELETION: &[&str] = &["cascade", "propagationPolicy"];
const ONE: &[&str] = &["group", "version", "kind", "namespace", "resourceName"];
/// Which objects of it.
const OBJECTS: &[&str] = &["group", "kind", "namespace", "name"];
const SIDES: &[&str] = &["from", "to"];
const PRUNE: &[&str] = &["prune"];
const LOGS: &[&str] =
    &["namespace", "podName", "container", "sinceSeconds", "tailLines", "follow", "previous", "filter"];

/// All of it.
pub(super) const ROUTES: &[Route] = &[
    Route::new(Verb::Get, "/api/version", Action::Version, "Version", "The version of the server").door(Door::Open),
    Route::new(
        Verb::Get,
        "/api/v1/settings",
        Action::Settings,
        "Settings",
        "What a client has to know before it signs in",
    )
    .door(Door::Open),
    Route::new(
        Verb::Post,
        "/api/v1/session",
        Action::SignIn,
        "SignedIn",
        "Begin a session with a token that the API server knows",
    )
    .door(Door::Open)
    .takes("SignIn"),
    Route::new(Verb::Delete, "/api/v1/session", Action::SignOut, "Empty", "End the session, for all replicas")
        .door(Door::Ajar),
    Route::new(Verb::Get, "/api/v1/session/userinfo", Action::UserInfo, "UserInfo", "Who is signed in")
        .door(Door::Ajar),
    Route::new(Verb::Get, "/api/v1/applications", Action::List, "ApplicationList", "List Applications")
        .query(&[FILTER, PAGE, FIELDS]),
    Route::new(Verb::Post, "/api/v1/applications", Action::Create, "Application", "Make an Application")
        .query(&[UPSERT])
        .takes("NewApplication"),
    Route::new(
        Verb::Get,
        "/api/v1/stream/applications",
        Action::Watch,
        "ApplicationEvents",
        "Follow Applications as they change",
    )
    .query(&[FILTER, FIELDS, SINCE]),
    Route::new(Verb::Get, "/api/v1/applications/{name}", Action::Get, "Application", "One Application")
        .query(&[APP, REFRESH, FIELDS]),
    Route::new(
        Verb::Put,
        "/api/v1/applications/{name}",
        Action::Update,
        "Application",
        "Replace spec, labels, annotations and finalizers of an Application",
    )
    .query(&[APP])
    .takes("Application"),
    Route::new(Verb::Patch, "/api/v1/applications/{name}", Action::Patch, "Application", "Patch an Application")
        .query(&[APP])
        .takes("PatchRequest"),
    Route::new(Verb::Delete, "/api/v1/applications/{name}", Action::Delete, "Empty", "Delete an Application")
        .query(&[APP, DELETION]),
    Route::new(
        Verb::Put,
        "/api/v1/applications/{name}/spec",
        Action::UpdateSpec,
        "ApplicationSpec",
        "Replace the spec of an Application",
    )
    .query(&[APP])
    .takes("ApplicationSpec"),
    Route::new(Verb::Post, "/api/v1/applications/{name}/sync", Action::Sync, "Application", "Ask for a sync")
        .query(&[APP])
        .takes("SyncRequest"),
    Route::new(
        Verb::Post,
        "/api/v1/applications/{name}/rollback",
        Action::Rollback,
        "Application",
        "Ask for a rollback to a prior release",
    )
    .query(&[APP])
    .takes("RollbackRequest"),
    Route::new(
        Verb::Delete,
        "/api/v1/applications/{name}/operation",
        Action::Terminate,
        "Empty",
        "Stop the sync that runs",
    )
    .query(&[APP]),
    Route::new(
        Verb::Get,
        "/api/v1/applications/{name}/events",
        Action::Events,
        "EventList",
        "Events of an Application, or of one of its objects",
    )
    .query(&[APP, OBJECT]),
    Route::new(Verb::Get, "/api/v1/applications/{name}/logs", Action::Logs, "LogEntries", "The log of a Pod")
        .query(&[APP, LOGS]),
    Route::new(
        Verb::Get,
        "/api/v1/applications/{name}/pods/{podName}/logs",
        Action::Logs,
        "LogEntries",
        "The log of a Pod",
    )
    .query(&[APP, LOGS]),
    Route::new(
        Verb::Get,
        "/api/v1/applications/{name}/resource",
        Action::Resource,
        "Resource",
        "One object, as the cluster has it",
    )
    .query(&[APP, ONE]),
    Route::new(
        Verb::Get,
        "/api/v1/applications/{name}/manifests",
        Action::Manifests,
        "Manifests",
        "What Git says of the objects of an Application",
    )
    .query(&[APP, OBJECTS]),
    Route::new(
        Verb::Get,
        "/api/v1/applications/{name}/resource-tree",
        Action::Tree,
        "Tree",
        "The objects of an Application, and what they own",
    )
    .query(&[APP]),
    Route::new(Verb::Get, "/api/v1/projects", Action::Projects, "ProjectList", "List projects"),
    Route::new(Verb::Get, "/api/v1/clusters", Action::Clusters, "ClusterList", "List clusters that Applications go to"),
    Route::new(
        Verb::Get,
        "/api/v1/repositories",
        Action::Repositories,
        "RepositoryList",
        "List repositories that Applications come from",
    ),
    Route::new(
        Verb::Get,
        "/api/gitops/v1/applications",
        Action::Rows,
        "Rows",
        "List Applications in short, a page at a time, with counts",
    )
    .query(&[FILTER, PAGE]),
    Route::new(
        Verb::Get,
        "/api/gitops/v1/stream/applications",
        Action::WatchRows,
        "RowEvents",
        "Follow Applications in short as they change",
    )
    .query(&[FILTER]),
    Route::new(
        Verb::Get,
        "/api/gitops/v1/applications/{name}/history",
        Action::History,
        "History",
        "The releases of an Application, with their graphs",
    )
    .query(&[APP]),
    Route::new(
        Verb::Get,
        "/api/gitops/v1/applications/{name}/graph",
        Action::Graph,
        "Graph",
        "What the Application compiles to now, or a release of it: resources, edges with their reasons, order",
    )
    .query(&[APP, RELEASE]),
    Route::new(
        Verb::Get,
        "/api/gitops/v1/applications/{name}/rights",
        Action::Rights,
        "Rights",
        "What whoever asks may do with an Application",
    )
    .query(&[APP]),
    Route::new(
        Verb::Post,
        "/api/gitops/v1/applications/{name}/refresh",
        Action::Refresh,
        "Application",
        "Ask for a comparison now",
    )
    .query(&[APP])
    .takes("RefreshRequest"),
    Route::new(
        Verb::Get,
        "/api/v1/applications/{name}/managed-resources",
        Action::Managed,
        "ManagedResources",
        "Both sides of each resource: what Git says, what the cluster has, what it would have",
    )
    .query(&[APP, OBJECTS]),
    Route::new(
        Verb::Get,
        "/api/v1/stream/applications/{name}/resource-tree",
        Action::WatchTree,
        "TreeEvents",
        "Follow the tree of an Application as it changes",
    )
    .query(&[APP]),
    Route::new(
        Verb::Get,
        "/api/gitops/v1/applications/{name}/diff",
        Action::Diff,
        "Diff",
        "Where two sides differ, field by field: releases, what Git says, what is live",
    )
    .query(&[APP, SIDES, OBJECTS]),
    Route::new(
        Verb::Get,
        "/api/gitops/v1/applications/{name}/plan",
        Action::Plan,
        "Plan",
        "What a sync would do, or a rollback to a release",
    )
    .query(&[APP, RELEASE, PRUNE, OBJECTS]),
    Route::new(
        Verb::Post,
        "/api/gitops/v1/applications/{name}/hold",
        Action::Hold,
        "Application",
        "Ask for a hold: nothing is applied until it is released",
    )
    .query(&[APP])
    .takes("HoldRequest"),
    Route::new(
        Verb::Post,
        "/api/gitops/v1/applications/{name}/release",
        Action::Release,
        "Application",
        "Ask for a release of what is held",
    )
    .query(&[APP])
    .takes("ReleaseRequest"),
    Route::new(
        Verb::Get,
        "/api/gitops/v1/stream/applications/{name}/progress",
        Action::WatchRun,
        "RunEvents",
        "Follow the sync that runs, step by step",
    )
    .query(&[APP]),
    Route::new(Verb::Get, "/auth/login", Action::Login, "Empty", "Send a browser to the issuer").door(Door::Open),
    Route::new(Verb::Get, "/auth/callback", Action::Callback, "Empty", "Sign a browser in that comes back")
        .door(Door::Open),
    Route::new(Verb::Get, "/auth/logout", Action::Logout, "Empty", "Sign a browser out, at the issuer, too")
        .door(Door::Open),
];
