//! What values of a kind may be: one model for Kubernetes' own types and for the schemas of CustomResourceDefinitions.
//!
//! In: nodes, added by who reads a schema. Out: a [`Model`]: nodes that name each other by number, so that a type may
//! contain itself, and that borrow their names from the text they were read from.

use super::condition::Condition;

/// The number of a node in its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NodeId(u32);

/// Nodes that refer to each other.
#[derive(Debug, Default)]
pub(super) struct Model<'a> {
    nodes: Vec<Node<'a>>,
}

/// What one value may be.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) form: Form<'a>,
    /// Whether null is a value like others.
    pub(super) null: Null,
    /// What else must hold.
    pub(super) condition: Option<Box<Condition<'a>>>,
}

/// What null means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Null {
    /// The same as if there were nothing.
    Absent,
    /// A value.
    Value,
    /// Nothing that the server takes.
    Refused,
}

/// The form of a value.
#[derive(Debug)]
pub(super) enum Form<'a> {
    Any,
    Boolean,
    /// Without a fraction.
    Integer,
    Number,
    String,
    /// Text in base64.
    Bytes,
    /// A time of RFC 3339.
    Time,
    /// The same, with exactly six digits behind the second.
    MicroTime,
    /// `500m`, `1Gi`, or a number.
    Quantity,
    /// Text or an integer of 32 bits.
    IntOrString,
    /// Text or an integer.
    AnyIntOrString,
    List(List<'a>),
    Object(Object<'a>),
    /// Metadata of an object inside another, of Kubernetes' own type.
    Metadata,
}

/// A list.
#[derive(Debug)]
pub(super) struct List<'a> {
    pub(super) item: NodeId,
    pub(super) apart: Apart<'a>,
}

/// How the items of a list are told apart.
#[derive(Debug)]
pub(super) enum Apart<'a> {
    /// They need not be.
    Not,
    /// No two are equal.
    Values,
    /// No two have the same in these fields.
    Keys(Vec<Key<'a>>),
}

/// A field that tells items apart.
#[derive(Debug)]
pub(super) struct Key<'a> {
    pub(super) name: &'a str,
    pub(super) default: Option<&'a str>,
}

/// A map with fields.
#[derive(Debug)]
pub(super) struct Object<'a> {
    /// Sorted by name.
    fields: Vec<Field<'a>>,
    /// The places of those that must be there: few of many.
    demanded: Vec<usize>,
    pub(super) others: Others,
}

/// A field of a map.
#[derive(Debug)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) node: NodeId,
    /// Whether it must be there.
    pub(super) demanded: bool,
}

/// What the fields are that have no name of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    /// There are none.
    Unknown,
    /// Whatever they like.
    Any,
    /// Keys of a map.
    Each(NodeId),
}

impl<'a> Model<'a> {
    /// Adds a node; null is as Kubernetes' own types have them.
    pub(super) fn add(&mut self, form: Form<'a>) -> NodeId {
        self.add_node(Node { form, null: Null::Absent, condition: None })
    }

    pub(super) fn add_node(&mut self, node: Node<'a>) -> NodeId {
        self.nodes.push(node);
        NodeId(u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX))
    }

    /// Replaces a node that was added before what it is was known.
    pub(super) fn set(&mut self, id: NodeId, form: Form<'a>) {
        if let Some(node) = self.nodes.get_mut(id.0 as usize) {
            node.form = form;
        }
    }

    pub(super) fn node(&self, id: NodeId) -> Option<&Node<'a>> {
        self.nodes.get(id.0 as usize)
    }
}

impl<'a> Object<'a> {
    pub(super) fn new(mut fields: Vec<Field<'a>>, others: Others) -> Self {
        fields.sort_by_key(|field| field.name);
        let demanded = fields.iter().enumerate().filter(|(_, field)| field.demanded).map(|(index, _)| index).collect();
        Self { fields, demanded, others }
    }

    pub(super) fn field(&self, name: &str) -> Option<&Field<'a>> {
        let found = self.fields.binary_search_by_key(&name, |field| field.name);
        found.ok().and_then(|index| self.fields.get(index))
    }

    pub(super) fn fields(&self) -> &[Field<'a>] {
        &self.fields
    }

    /// The fields that must be there.
    pub(super) fn demanded(&self) -> impl Iterator<Item = &Field<'a>> {
        self.demanded.iter().filter_map(|index| self.fields.get(*index))
    }
}
