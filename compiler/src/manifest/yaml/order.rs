//! The order in which the scalars of a document stand in its text.
//!
//! In: the nodes of one document. Out: an [`Order`]: the document without its values, its maps not sorted. A [`Value`]
//! has no such order, and nearly nobody asks for one: SOPS signs the values of a file in the order of the file.
//! Guarantees: what is given has the keys that [`super::read()`] gives. Where a value stands elsewhere than in its place
//! (aliases, keys that are no text) nothing is given.
//!
//! [`Value`]: crate::canon::Value

use super::event::{Fault, Shape, Sink};
use super::scalar::{self, Raw};

/// A document, or a part of one, in the order of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// A scalar.
    Scalar,
    /// A list.
    List(Vec<Self>),
    /// A map with its keys; one that stands there twice does so here.
    Map(Vec<(String, Self)>),
}

/// Builds an order; a container that is open waits for its next item or key, or for what belongs to its last key.
#[derive(Debug, Default)]
pub(super) struct Builder {
    open: Vec<Open>,
    /// The whole, once it is complete.
    root: Option<Order>,
    /// Whether something stands elsewhere.
    lost: bool,
}

#[derive(Debug)]
struct Open {
    order: Order,
    key: Option<String>,
}

impl Builder {
    pub(super) fn finish(self) -> Option<Order> {
        self.root.filter(|_| !self.lost)
    }

    fn expects_key(&self) -> bool {
        self.open.last().is_some_and(|open| matches!(open.order, Order::Map(_)) && open.key.is_none())
    }

    fn put(&mut self, part: Order) {
        match self.open.last_mut() {
            None => self.root = Some(part),
            Some(Open { order: Order::List(items), .. }) => items.push(part),
            Some(Open { order: Order::Map(fields), key }) => match key.take() {
                Some(key) => fields.push((key, part)),
                // A list or a map as a key.
                None => self.lost = true,
            },
            Some(Open { order: Order::Scalar, .. }) => {}
        }
    }

    fn key(&mut self, key: Option<String>) {
        self.lost |= key.is_none();
        if let Some(open) = self.open.last_mut() {
            open.key = Some(key.unwrap_or_default());
        }
    }
}

impl Sink for Builder {
    fn scalar(&mut self, raw: Raw, _: Option<String>, _: usize) -> Result<(), Fault> {
        if self.expects_key() {
            self.key(scalar::resolve(raw).ok().and_then(|scalar| scalar::key(scalar).ok()));
        } else {
            self.put(Order::Scalar);
        }
        Ok(())
    }

    fn refuse(&mut self, _: usize, _: String) -> Result<(), Fault> {
        self.lost = true;
        Ok(())
    }

    fn open(&mut self, shape: Shape, _: Option<String>, _: usize) -> Result<(), Fault> {
        let order = match shape {
            Shape::List => Order::List(Vec::new()),
            Shape::Map => Order::Map(Vec::new()),
        };
        self.open.push(Open { order, key: None });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Fault> {
        if let Some(open) = self.open.pop() {
            self.put(open.order);
        }
        Ok(())
    }

    fn alias(&mut self, _: &str, _: usize) -> Result<(), Fault> {
        self.lost = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Locator;
    use super::*;

    fn order(text: &str, document: usize) -> Option<Order> {
        Locator::new(text.as_bytes()).order(document)
    }

    fn map(fields: &[(&str, Order)]) -> Order {
        Order::Map(fields.iter().map(|(key, order)| ((*key).to_owned(), order.clone())).collect())
    }

    #[test]
    fn keys_stand_as_in_the_text() {
        let expected =
            map(&[("b", Order::Scalar), ("a", Order::List(vec![Order::Scalar, map(&[("true", Order::Scalar)])]))]);
        assert_eq!(order("b: 1\na:\n- x\n- {on: ~}\n", 0), Some(expected.clone()));
        assert_eq!(order("x: 1\n---\nb: 1\na: [x, {true: 1}]\n", 1), Some(expected.clone()));
        assert_eq!(order("{\"b\": 1, \"a\": [2, {\"true\": null}]}", 0), Some(expected));
        assert_eq!(order("a: 1\n", 1), None);
    }

    #[test]
    fn what_stands_elsewhere_has_no_order() {
        assert_eq!(order("a: &a 1\nb: *a\n", 0), None);
        assert_eq!(order("a: &a {x: 1}\nb: {<<: *a}\n", 0), None);
    }
}
