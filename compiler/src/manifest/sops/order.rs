//! The order in which the values of a document stand in its file, kept in its body.
//!
//! In: a body, the order of its text. Out: the same body with the field [`ORDER`] under `sops`, where it is needed. What
//! it holds is said in [`super`]. An order that somebody wrote is never believed when a file is read: it is replaced.

use std::collections::BTreeMap;

use crate::canon::Value;
use crate::manifest::yaml::Order;

use super::SOPS;

/// The field of `sops` with the numbers of the values.
pub const ORDER: &str = "kubectl-gitops-order";

/// The numbers of the values of a body as its file has them; nothing where that is their own order, or where it was not
/// known.
#[must_use]
pub fn order_of(body: &Value) -> Option<Vec<usize>> {
    let numbers = body.at(&[SOPS, ORDER])?.items();
    numbers.iter().map(|number| usize::try_from(number.as_int()?).ok()).collect()
}

/// Keeps the order of the text in the body; nothing of it where the text does not have all values of the body once.
pub(in crate::manifest) fn remember(body: &mut Value, order: Option<&Order>) {
    let numbers = order.and_then(|order| numbers(body, order));
    let Some(sops) = body.as_map_mut().and_then(|body| body.get_mut(SOPS)).and_then(Value::as_map_mut) else { return };
    sops.remove(ORDER);
    if let Some(numbers) = numbers.filter(|numbers| !numbers.is_sorted()) {
        let number = |number: usize| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
        sops.insert(ORDER.to_owned(), Value::Array(numbers.into_iter().map(number).collect()));
    }
}

/// Values with their numbers.
enum Numbered<'a> {
    Null,
    Value(usize),
    List(Vec<Self>),
    Map(BTreeMap<&'a str, Self>),
}

fn numbers(body: &Value, order: &Order) -> Option<Vec<usize>> {
    let (Value::Map(map), Order::Map(fields)) = (body, order) else { return None };
    let mut count = 0;
    let own = map.iter().filter(|(key, _)| *key != SOPS);
    let numbered: BTreeMap<&str, Numbered<'_>> =
        own.map(|(key, value)| (key.as_str(), numbered(value, &mut count))).collect();
    let mut numbers = Vec::with_capacity(count);
    for (key, order) in fields.iter().filter(|(key, _)| key != SOPS) {
        collect(numbered.get(key.as_str())?, order, &mut numbers)?;
    }
    // A key that stands twice, as SOPS has none.
    (numbers.len() == count).then_some(numbers)
}

fn numbered<'a>(value: &'a Value, count: &mut usize) -> Numbered<'a> {
    match value {
        Value::Null => Numbered::Null,
        Value::Map(map) => {
            Numbered::Map(map.iter().map(|(key, value)| (key.as_str(), numbered(value, count))).collect())
        }
        Value::Array(items) => Numbered::List(items.iter().map(|item| numbered(item, count)).collect()),
        _ => {
            *count += 1;
            Numbered::Value(*count - 1)
        }
    }
}

fn collect(numbered: &Numbered<'_>, order: &Order, numbers: &mut Vec<usize>) -> Option<()> {
    match (numbered, order) {
        (Numbered::Null, Order::Scalar) => Some(()),
        (Numbered::Value(number), Order::Scalar) => {
            numbers.push(*number);
            Some(())
        }
        (Numbered::List(items), Order::List(orders)) if items.len() == orders.len() => {
            items.iter().zip(orders).try_for_each(|(item, order)| collect(item, order, numbers))
        }
        (Numbered::Map(map), Order::Map(fields)) => {
            fields.iter().try_for_each(|(key, order)| collect(map.get(key.as_str())?, order, numbers))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::yaml::{self, Limits, Locator};

    /// The order that is kept of a text.
    fn kept(text: &str) -> Option<Vec<usize>> {
        let mut body = yaml::read(text.as_bytes(), Limits::default()).documents.remove(0).value;
        remember(&mut body, Locator::new(text.as_bytes()).order(0).as_ref());
        order_of(&body)
    }

    #[test]
    fn values_are_numbered_as_the_sorted_body_has_them() {
        assert_eq!(kept("b: 1\na: {d: [x, ~, y], c: z}\nsops: {z: 1, a: 2}\n"), Some(vec![3, 1, 2, 0]));
        assert_eq!(kept("{\"b\": 1, \"a\": 2, \"sops\": {}}"), Some(vec![1, 0]));
    }

    #[test]
    fn what_is_sorted_or_not_known_is_not_kept() {
        assert_eq!(kept("a: 1\nb: {c: 2}\nsops: {}\n"), None);
        assert_eq!(kept("b: &b 1\na: *b\nsops: {}\n"), None);
        assert_eq!(kept("b: 1\na: 1\na: 2\nsops: {}\n"), None);
    }

    #[test]
    fn an_order_that_somebody_wrote_is_not_believed() {
        assert_eq!(kept("a: 1\nb: 2\nsops: {kubectl-gitops-order: [1, 0]}\n"), None);
        assert_eq!(kept("b: 1\na: 2\nsops: {kubectl-gitops-order: [0, 1]}\n"), Some(vec![1, 0]));
    }
}
