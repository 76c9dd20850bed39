//! `drift`: what somebody changed, who, and when.

use std::collections::BTreeMap;

use clap::Args;
use gitops_compiler::name::{AppName, ResourceKey};
use gitops_compiler::plan::Seen;
use jiff::Timestamp;

use crate::apply::Target;
use crate::apply::drift::{DriftedField, Findings, Writer};
use crate::apply::observe::Observation;
use crate::error::CommandError;
use crate::json::{DriftJson, DriftKind, DriftedObjectJson, LeftJson, SchemaVersion};
use crate::output::{ago, counted, table};
use crate::settings::{ClusterArgs, Session};

/// Show where the cluster differs from what was applied, and who changed it when, as far as the server knows
#[derive(Debug, Args)]
pub struct DriftArgs {
    /// The application
    #[arg(value_name = "APP")]
    app: AppName,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// What to print: text, or JSON with `json`
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

/// Runs the command. Exits with 1 where something differs.
pub async fn run(session: &Session, args: &DriftArgs) -> Result<u8, CommandError> {
    let connected = args.cluster.connect(session.store.open(session.printer)).await?;
    let mut target = Target::open(connected.records, args.app.clone(), args.cluster.recorded_destination()).await?;
    target.recorded_head()?;
    super::change::say_if_locked(session, &target);
    let observation = target.observe(None, false).await?;
    let drifted = drifted(&target, &observation).await;
    let left = left(&observation.findings);
    let compared = target.inventory.len();
    if args.output.is_some() {
        let left_to_others =
            left.iter().map(|(key, field)| LeftJson { resource: (*key).clone(), field: (*field).into() }).collect();
        let code = u8::from(!drifted.is_empty());
        let schema_version = SchemaVersion;
        session.printer.json(&DriftJson {
            schema_version,
            application: args.app.clone(),
            compared,
            drifted,
            left_to_others,
        });
        return Ok(code);
    }
    let now = Timestamp::now();
    let mut rows: Vec<Vec<String>> = drifted.iter().flat_map(|object| rows(object, now)).collect();
    rows.extend(left.iter().map(|(key, field)| {
        let what = format!("{}; left to it", by(field.by.as_ref(), now));
        vec![format!("= {}", key.qualified_kind()), key.place(), field.change.to_string(), what]
    }));
    session.printer.out(&table(&rows));
    let (count, objects) = (drifted.len(), counted(compared, "object"));
    let hint = if count == 0 {
        String::new()
    } else {
        format!("  kubectl gitops apply {} puts back what its graph has.", args.app)
    };
    session.printer.out(&format!("{count} of {objects} drifted.{hint}\n"));
    Ok(u8::from(count > 0))
}

/// What differs, by key.
async fn drifted(target: &Target, observation: &Observation) -> Vec<DriftedObjectJson> {
    let mut drifted = Vec::new();
    for (key, entry) in &target.inventory {
        let what = match observation.seen.get(key) {
            Some(Seen::Present { as_applied: true, uid, .. }) if *uid == entry.uid => continue,
            Some(Seen::Present { uid, .. }) if *uid != entry.uid => {
                DriftKind::Replaced { since: born(target, key).await }
            }
            Some(Seen::Present { .. }) => match observation.findings.get(key) {
                Some(findings) => DriftKind::Changed {
                    fields: findings.fields.iter().map(Into::into).collect(),
                    unlabelled: findings.is_unlabelled,
                },
                None => DriftKind::Unknown,
            },
            Some(Seen::Absent) => DriftKind::Deleted,
            None => continue,
        };
        drifted.push(DriftedObjectJson { resource: key.clone(), what });
    }
    drifted
}

/// When the object that has a key now was made.
async fn born(target: &Target, key: &ResourceKey) -> Option<String> {
    let (version, _) = target.kinds.served_version(&key.group, &key.kind)?;
    let path = target.kinds.path(version, key)?;
    let metadata = target.records.cluster.get_metadata(&path).await.ok()??;
    Some(metadata.creation_timestamp)
}

/// Fields that are left to others, of objects that are not told of otherwise.
fn left(findings: &BTreeMap<ResourceKey, Findings>) -> Vec<(&ResourceKey, &DriftedField)> {
    let quiet = findings.iter().filter(|(_, findings)| !findings.is_drift());
    quiet.flat_map(|(key, findings)| findings.left_to_others.iter().map(move |field| (key, field))).collect()
}

fn rows(object: &DriftedObjectJson, now: Timestamp) -> Vec<Vec<String>> {
    let key = &object.resource;
    let row =
        |sign: char, what: String, by: String| vec![format!("{sign} {}", key.qualified_kind()), key.place(), what, by];
    match &object.what {
        DriftKind::Deleted => {
            vec![row('-', "is gone".to_owned(), "the server does not keep who deleted it".to_owned())]
        }
        DriftKind::Replaced { since } => {
            let since = since.as_ref().and_then(|since| Some(ago(since.parse().ok()?, now))).unwrap_or_default();
            vec![row('±', "is another object of that name".to_owned(), since)]
        }
        DriftKind::Changed { fields, unlabelled } => {
            let label = unlabelled.then(|| row('~', "our label is gone".to_owned(), String::new()));
            let fields = fields.iter().map(|field| row('~', field.change.to_string(), by(field.by.as_ref(), now)));
            label.into_iter().chain(fields).collect()
        }
        DriftKind::Unknown => vec![row('~', "is not as recorded, and cannot be read".to_owned(), String::new())],
    }
}

fn by(writer: Option<&Writer>, now: Timestamp) -> String {
    let Some(writer) = writer else { return "the server does not keep who did it".to_owned() };
    let subresource =
        if writer.subresource.is_empty() { String::new() } else { format!(" through {}", writer.subresource) };
    let when = writer.time.parse().map(|time| format!(", {}", ago(time, now))).unwrap_or_default();
    let manager: String = writer.manager.chars().filter(|letter| !letter.is_control()).take(80).collect();
    format!("{manager}{subresource}{when}")
}
