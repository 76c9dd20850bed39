//! What of an object is not as it was applied.
//!
//! In: the body that was applied, the live object. Out: [`Findings`]: fields of ours that have another value or are gone,
//! each with who wrote it last, where the server knows; and fields that belong to another by design. Pure.
//!
//! Values that the server writes in another form (`1000m` and `1`, `[]` and `null`) are equal, and `null` in a manifest asks
//! for what the server sets by default. Values of Secrets are never told.

use gitops_compiler::canon::Value;
use gitops_compiler::diff::{self, FieldChange};
use gitops_compiler::manifest::sops;
use gitops_compiler::name::ResourceKey;
use serde_json::Value as Json;

use crate::apply::by_design::belongs_to_another;
use crate::apply::observe::Identity;
use crate::cluster::{ManagedFields, PART_OF, PartialObject};

use super::ignored::IgnoredFields;
use super::owner;

/// Who wrote a field.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Writer {
    /// The field manager.
    pub manager: String,
    /// When, by the server's clock.
    pub time: String,
    /// Through which subresource; empty for the object itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subresource: String,
}

/// A field of ours that is not as it was applied.
#[derive(Debug, Clone, PartialEq)]
pub struct DriftedField {
    /// Its path, what was applied, what is there.
    pub change: FieldChange,
    /// Who wrote it; absent where the server does not know, as for what was removed.
    pub by: Option<Writer>,
}

/// What there is to say of an object that is there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    /// Fields of ours that have another value, or are gone.
    pub fields: Vec<DriftedField>,
    /// Fields that belong to another by design: replicas that something scales, rules that are aggregated, certificates
    /// that are injected.
    pub left_to_others: Vec<DriftedField>,
    /// Whether it has our label no more.
    pub is_unlabelled: bool,
}

impl Findings {
    /// Whether it has to be put back.
    #[must_use]
    pub fn is_drift(&self) -> bool {
        self.is_unlabelled || !self.fields.is_empty()
    }
}

/// Compares a live object with what was applied to it.
#[must_use]
pub fn compare(
    key: &ResourceKey,
    applied: &Value,
    live: &Json,
    identity: &Identity,
    ignored: &IgnoredFields,
) -> Findings {
    let partial: PartialObject = serde_json::from_value(live.clone()).unwrap_or_default();
    let metadata = &partial.metadata;
    let is_unlabelled = metadata.labels.get(PART_OF) != Some(&identity.apply_set);
    let mut findings = Findings { is_unlabelled, ..Findings::default() };
    if sops::is_sops(applied) {
        // What was applied is known in its encrypted form only.
        return findings;
    }
    let (mut wanted, mut there) = (applied.clone(), Value::from(live.clone()));
    ignored.take_out(&mut wanted, &mut there);
    let changes = diff::bodies(key, &wanted, &there);
    for change in changes.into_iter().filter(is_ours) {
        let by = owner::of(live, metadata, &identity.field_manager, &change.path).map(writer);
        // What nobody wrote where the manifest has `null` is a default of the server.
        let is_default = change.old == Some(Value::Null) && by.is_none();
        if is_default || by.as_ref().is_some_and(|by| ignored.is_manager(&by.manager)) {
            continue;
        }
        let is_aggregated = applied.get("aggregationRule").is_some();
        // Rules are owned as a whole, whichever of them differs.
        let path = if change.path.starts_with("rules[") { "rules" } else { &change.path };
        let is_left = by.as_ref().is_some_and(|by| belongs_to_another(key, is_aggregated, path, &by.subresource));
        let field = DriftedField { change, by };
        if is_left { findings.left_to_others.push(field) } else { findings.fields.push(field) }
    }
    findings
}

/// Whether a difference is one of a field that was applied, and one of value.
fn is_ours(change: &FieldChange) -> bool {
    let Some(applied) = &change.old else { return false };
    match &change.new {
        // The server leaves out what is empty, or writes `null`.
        None | Some(Value::Null) => !is_empty(applied),
        Some(live) => !is_same_quantity(applied, live) && !change.path.ends_with(" (order)"),
    }
}

pub(in crate::apply) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) | Value::Int(0) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Map(fields) => fields.values().all(is_empty),
        _ => false,
    }
}

/// Who wrote a field of a live object last; nobody where it was us, or the server does not know.
pub(in crate::apply) fn writer_of(live: &Json, identity: &Identity, path: &str) -> Option<Writer> {
    let partial: PartialObject = serde_json::from_value(live.clone()).unwrap_or_default();
    owner::of(live, &partial.metadata, &identity.field_manager, path).map(writer)
}

fn writer(entry: &ManagedFields) -> Writer {
    Writer { manager: entry.manager.clone(), time: entry.time.clone(), subresource: entry.subresource.clone() }
}

/// Whether two values are one quantity in two forms. Anything else is compared as it is.
pub(in crate::apply) fn is_same_quantity(left: &Value, right: &Value) -> bool {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        _ => None,
    };
    match (text(left), text(right)) {
        (Some(left), Some(right)) => quantity(&left).is_some_and(|left| quantity(&right) == Some(left)),
        _ => false,
    }
}

/// A quantity in thousandths of a millionth (`resource.Quantity` keeps no more than nine places); none where it is none,
/// or too large to be told from another.
fn quantity(text: &str) -> Option<i128> {
    const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    const DECIMAL: [(&str, i32); 10] =
        [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
    let end = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    if let Some(power) = BINARY.iter().position(|binary| *binary == suffix) {
        let unit = 1024_i128.checked_pow(u32::try_from(power).ok()? + 1)?;
        return scaled(digits.checked_mul(unit)?, 9 - places);
    }
    let exponent = DECIMAL.iter().find(|(decimal, _)| *decimal == suffix).map(|(_, power)| *power);
    let exponent = exponent.or_else(|| suffix.strip_prefix(['e', 'E'])?.parse().ok())?;
    scaled(digits, exponent.checked_add(9)?.checked_sub(places)?)
}

/// A number times a power of ten, rounded up as the server does.
fn scaled(number: i128, power: i32) -> Option<i128> {
    let factor = 10_i128.checked_pow(power.unsigned_abs())?;
    if power >= 0 {
        number.checked_mul(factor)
    } else {
        Some(number.div_euclid(factor) + i128::from(number.rem_euclid(factor) > 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn identity() -> Identity {
        Identity { field_manager: "us".to_owned(), apply_set: "set".to_owned() }
    }

    fn found(kind: (&str, &str), applied: Json, live: Json) -> Vec<String> {
        let key = ResourceKey::new(kind.0, kind.1, "shop", "a");
        let findings = compare(&key, &applied.into(), &live, &identity(), &IgnoredFields::default());
        let by = |field: &DriftedField| field.by.as_ref().map_or("nobody", |by| by.manager.as_str()).to_owned();
        let told = |sign: &str, field: &DriftedField| format!("{sign} {} by {}", field.change, by(field));
        let drifted = findings.fields.iter().map(|field| told("~", field));
        drifted.chain(findings.left_to_others.iter().map(|field| told("=", field))).collect()
    }

    fn managed(manager: &str, subresource: &str, fields: Json) -> Json {
        json!([{"manager": manager, "operation": "Update", "time": "t", "subresource": subresource, "fieldsV1": fields}])
    }

    #[test]
    fn fields_of_ours_that_changed_are_told_with_who_did_it() {
        let applied = json!({"data": {"a": "1", "b": "2"}});
        let owners = managed("kubectl-edit", "", json!({"f:data": {"f:a": {}}}));
        let live = json!({"data": {"a": "9", "c": "theirs"}, "metadata": {"managedFields": owners}});
        assert_eq!(
            found(("", "ConfigMap"), applied, live),
            ["~ data.a  1 → 9 by kubectl-edit", "~ data.b  - 2 by nobody"]
        );
    }

    #[test]
    fn what_the_server_makes_of_a_value_is_no_drift() {
        let resources =
            |cpu: Json, memory: Json| json!({"spec": {"cpu": cpu, "memory": memory, "empty": {}, "off": false}});
        let live = json!({"spec": {"cpu": "1", "memory": "1Gi", "added": "x"}, "status": {"ready": 1}});
        assert!(found(("", "Pod"), resources(json!("1000m"), json!("1024Mi")), live.clone()).is_empty());
        assert!(found(("", "Pod"), resources(json!(1), json!("1073741824")), live.clone()).is_empty());
        assert_eq!(found(("", "Pod"), resources(json!("2"), json!("1Gi")), live).len(), 1);
        let rules = |rules: Json| json!({ "rules": rules });
        let kind = ("rbac.authorization.k8s.io", "ClusterRole");
        assert!(found(kind, rules(json!([])), rules(Json::Null)).is_empty());
        assert_eq!(found(kind, rules(json!([{"verbs": ["get"]}])), rules(Json::Null)).len(), 1);
    }

    #[test]
    fn null_asks_for_the_default_and_for_nothing_that_others_write() {
        let replicas =
            |value: Json, owners: Json| json!({"spec": {"replicas": value}, "metadata": {"managedFields": owners}});
        let kind = ("apps", "Deployment");
        let applied = json!({"spec": {"replicas": null}});
        assert!(found(kind, applied.clone(), replicas(json!(1), json!([]))).is_empty());
        let edited = managed("kubectl-edit", "", json!({"f:spec": {"f:replicas": {}}}));
        assert_eq!(found(kind, applied, replicas(json!(5), edited)), ["~ spec.replicas  null → 5 by kubectl-edit"]);
    }

    #[test]
    fn what_belongs_to_another_by_design_is_left_to_it() {
        let replicas = managed("kube-controller-manager", "scale", json!({"f:spec": {"f:replicas": {}}}));
        let live = json!({"spec": {"replicas": 5}, "metadata": {"managedFields": replicas}});
        let applied = json!({"spec": {"replicas": 3}});
        let scaled = found(("apps", "Deployment"), applied.clone(), live);
        assert_eq!(scaled, ["= spec.replicas  3 → 5 by kube-controller-manager"]);
        let edited = managed("kubectl-edit", "", json!({"f:spec": {"f:replicas": {}}}));
        let live = json!({"spec": {"replicas": 5}, "metadata": {"managedFields": edited}});
        assert_eq!(found(("apps", "Deployment"), applied, live), ["~ spec.replicas  3 → 5 by kubectl-edit"]);
        let injected = managed(
            "ca-injector",
            "",
            json!({"f:webhooks": {"k:{\"name\":\"w\"}": {"f:clientConfig": {"f:caBundle": {}}}}}),
        );
        let hook = |bundle: &str| json!([{"name": "w", "clientConfig": {"caBundle": bundle}}]);
        let live = json!({"webhooks": hook("eA=="), "metadata": {"managedFields": injected}});
        let kind = ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration");
        assert_eq!(found(kind, json!({"webhooks": hook("Cg==")}), live).len(), 1);
        assert!(found(kind, json!({"webhooks": hook("Cg==")}), json!({"webhooks": hook("eA==")}))[0].starts_with('~'));
    }

    #[test]
    fn quantities_are_numbers() {
        assert_eq!(quantity("0.5"), quantity("500m"));
        assert_eq!(quantity("1e3"), quantity("1k"));
        assert_eq!(quantity("1.5Gi"), quantity("1536Mi"));
        assert_eq!(quantity("0.1n"), quantity("1n"), "rounded up");
        assert!(
            quantity("a").is_none()
                && quantity("").is_none()
                && quantity("1Zi").is_none()
                && quantity("9E99").is_none()
        );
    }

    #[test]
    fn values_of_secrets_are_never_told() {
        let (applied, live) = (json!({"data": {"a": "c2VjcmV0"}}), json!({"data": {"a": "b3RoZXI="}}));
        assert_eq!(found(("", "Secret"), applied, live), ["~ data.a  (secret) changed by nobody"]);
    }
}
