//! Changes of JSON that leave it JSON, so that what lies behind the syntax is reached.

use gitops_testdata::random::SplitMix64;
use serde_json::{Value, json};

/// Changes one of the seeds; some of the time in ways that know nothing of all this.
pub(crate) fn mutate(seeds: &[Vec<u8>], random: &mut SplitMix64) -> Vec<u8> {
    if random.below(4) == 0 {
        return gitops_testdata::fuzz::mutate(seeds, random);
    }
    let mut chosen = || serde_json::from_slice(&seeds[random.below(seeds.len())]).expect("a seed is JSON");
    let (mut value, other): (Value, Value) = (chosen(), chosen());
    for _ in 0..=random.below(3) {
        change(&mut value, &other, random);
    }
    value.to_string().into_bytes()
}

fn change(value: &mut Value, other: &Value, random: &mut SplitMix64) {
    if random.below(10) == 0 {
        *value = if random.below(2) == 0 { telling(random) } else { anywhere(other, random).clone() };
        return;
    }
    match value {
        Value::Array(items) if !items.is_empty() => {
            let at = random.below(items.len());
            match random.below(6) {
                0 => drop(items.remove(at)),
                1 => items.insert(at, items[at].clone()),
                _ => change(&mut items[at], other, random),
            }
        }
        Value::Object(fields) if !fields.is_empty() => {
            let name = fields.keys().nth(random.below(fields.len())).cloned().unwrap_or_default();
            match random.below(10) {
                0 => drop(fields.remove(&name)),
                1 => {
                    let moved = fields.remove(&name).unwrap_or_default();
                    fields.insert(format!("{name}/"), moved);
                }
                _ => change(&mut fields[&name], other, random),
            }
        }
        Value::String(text) if random.below(2) == 0 => match random.below(3) {
            0 => drop(text.pop()),
            1 => text.push(['\u{1b}', '\n', '9', '/'][random.below(4)]),
            _ => *text = text.repeat(random.below(4)),
        },
        value => *value = telling(random),
    }
}

/// A value somewhere in another.
fn anywhere<'a>(value: &'a Value, random: &mut SplitMix64) -> &'a Value {
    let inner = match value {
        _ if random.below(5) == 0 => None,
        Value::Array(items) => items.get(random.below(items.len())),
        Value::Object(fields) => fields.values().nth(random.below(fields.len())),
        _ => None,
    };
    inner.map_or(value, |inner| anywhere(inner, random))
}

fn telling(random: &mut SplitMix64) -> Value {
    let values = [
        Value::Null,
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1.5e300),
        json!(""),
        json!("9999-12-30T22:00:00Z"),
        json!("-009999-01-02T01:59:59Z"),
        json!("g1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        json!([]),
        json!({}),
        json!(true),
    ];
    values[random.below(values.len())].clone()
}
