//! `status`: is it as recorded, and does it work?

use std::collections::BTreeMap;

use clap::Args;
use gitops_compiler::name::{AppName, ResourceKey};
use gitops_compiler::plan::Seen;

use crate::apply::Target;
use crate::apply::observe::Observation;
use crate::error::CommandError;
use crate::health::{self, Health, Rules, Status};
use crate::json::{ResourceStatusJson, SchemaVersion, StatusJson, Sync};
use crate::output::table;
use crate::settings::{ClusterArgs, HealthArgs, Session};

/// Show whether each object of an application is as recorded, and whether it works
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The application
    #[arg(value_name = "APP")]
    app: AppName,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    health: HealthArgs,
    /// What to print: text, or JSON with `json`
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

struct Row {
    key: ResourceKey,
    sync: Sync,
    health: Health,
    /// Whether its health is none of the application's.
    is_ignored: bool,
    /// Whether the graph has it no more.
    is_left: bool,
}

impl Row {
    fn message(&self) -> String {
        let left = self.is_left.then_some("kept when it left the graph");
        let parts = left.into_iter().chain(Some(self.health.message.as_str()).filter(|message| !message.is_empty()));
        parts.collect::<Vec<_>>().join("; ")
    }
}

/// Runs the command.
pub async fn run(session: &Session, args: &StatusArgs) -> Result<u8, CommandError> {
    let connected = args.cluster.connect(session.store.open(session.printer)).await?;
    let mut target = Target::open(connected.records, args.app.clone(), args.cluster.recorded_destination()).await?;
    let observation = target.observe(None, false).await?;
    let head = target.recorded_head()?;
    let rules = args.health.recorded_rules(&target.records, &target.target_id, head.last_origin()).await?;
    let rows = rows(&target, &observation, &rules).await?;
    let worst = health::worst(rows.iter().filter(|row| !row.is_ignored).map(|row| row.health.status));
    let settled = head.pending.is_none() && head.lock.is_none();
    let synced = settled && rows.iter().all(|row| row.sync == Sync::Synced);
    let sync = if synced { Sync::Synced } else { Sync::OutOfSync };
    let live = head.live_release();
    if args.output.is_some() {
        let resource = |row: &Row| ResourceStatusJson {
            resource: row.key.clone(),
            sync: row.sync,
            health: row.health.status,
            message: row.message(),
        };
        session.printer.json(&StatusJson {
            schema_version: SchemaVersion,
            application: args.app.clone(),
            release: head.live,
            graph: live.map(|release| release.graph.id),
            sync,
            health: worst,
            resources: rows.iter().map(resource).collect(),
        });
        return Ok(0);
    }
    let release = live.map_or_else(
        || "no release yet".to_owned(),
        |release| format!("release {}  {}", release.number, release.graph.id.short()),
    );
    let mut lines = vec![["KIND", "NAME", "SYNC", "HEALTH", ""].map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(|row| {
        let health = row.health.status.to_string();
        let key = &row.key;
        vec![key.qualified_kind(), key.place(), row.sync.to_string(), health, row.message()]
    }));
    session.printer.out(&format!("{}  {release}  {sync}  {worst}\n\n{}", args.app, table(&lines)));
    if !settled {
        session.printer.say(&super::history::unsettled(head, target.records.now()));
    }
    Ok(0)
}

async fn rows(target: &Target, observation: &Observation, rules: &Rules) -> Result<Vec<Row>, CommandError> {
    let objects = bodies(target, observation, rules).await?;
    // Kept when it left the graph, since it, or its application, asks for that.
    let is_left = |key: &ResourceKey| target.base.as_ref().is_some_and(|base| base.node(key).is_none());
    let row = |key: &ResourceKey| {
        let sync = match observation.seen.get(key) {
            Some(Seen::Present { as_applied: true, .. }) if !is_left(key) => Sync::Synced,
            Some(Seen::Absent) => Sync::Missing,
            _ => Sync::OutOfSync,
        };
        let health = match (sync, objects.get(key)) {
            (Sync::Missing, _) => Health::missing(),
            (_, Some(object)) => rules.assess_as(&key.group, &key.kind, object),
            (_, None) if rules.is_assessed(&key.group, &key.kind) => Health::missing(),
            (_, None) => Health::new(Status::Healthy, ""),
        };
        let is_ignored = objects.get(key).is_some_and(health::is_ignored);
        let is_left = sync == Sync::OutOfSync && is_left(key);
        Row { key: key.clone(), sync, health, is_ignored, is_left }
    };
    // Checks of users block.
    Ok(tokio::task::block_in_place(|| target.inventory.keys().map(row).collect()))
}

/// The bodies of those objects whose health is more than being there: one LIST for each of their kinds, and one GET for
/// each object that has lost our label.
async fn bodies(
    target: &Target,
    observation: &Observation,
    rules: &Rules,
) -> Result<BTreeMap<ResourceKey, serde_json::Value>, CommandError> {
    let mut kinds: BTreeMap<(&str, &str), std::collections::BTreeSet<&str>> = BTreeMap::new();
    let assessed = || target.inventory.keys().filter(|key| rules.is_assessed(&key.group, &key.kind));
    for key in assessed() {
        kinds.entry((&key.group, &key.kind)).or_default().extend(key.scope.namespace());
    }
    let mut objects = BTreeMap::new();
    for ((group, kind), namespaces) in kinds {
        let Some(served) = target.kinds.served_version(group, kind) else { continue };
        let selector = format!("{}={}", crate::cluster::PART_OF, target.identity.apply_set);
        let found: Vec<serde_json::Value> =
            target.records.cluster.list_kind(served, &namespaces, &selector).await.map_err(listing)?;
        for mut object in found {
            // Items of lists come without.
            object["apiVersion"] = served.0.into();
            object["kind"] = kind.into();
            let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
            let key = ResourceKey::new(group, kind, text("namespace"), text("name"));
            objects.insert(key, object);
        }
    }
    let there = |key: &&ResourceKey| matches!(observation.seen.get(*key), Some(Seen::Present { .. }));
    for key in assessed().filter(there) {
        let path = target.kinds.served_version(&key.group, &key.kind);
        let path = path.and_then(|(version, _)| target.kinds.path(version, key));
        if let (false, Some(path)) = (objects.contains_key(key), path) {
            match target.records.cluster.get(&path).await {
                Ok(object) => objects.insert(key.clone(), object),
                Err(failure) if failure.is_not_found() => None,
                Err(failure) => return Err(listing(failure)),
            };
        }
    }
    Ok(objects)
}

fn listing(failure: crate::cluster::Failure) -> CommandError {
    CommandError::user("cannot list what is in the cluster").details(vec![failure.to_string()])
}
