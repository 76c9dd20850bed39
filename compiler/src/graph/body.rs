//! The body of a resource: canonical bytes, decoded only by who looks inside.
//!
//! In: a value, or bytes of a stored graph. Out: both. Most bodies of most graphs are never looked at: their ids say
//! that nothing changed. So a graph that is read back costs its hashes, not its maps.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::{Arc, OnceLock};

use crate::canon::{Decoder, Encoder, Id, Resource, Value};

/// A canonical body. Copies share it.
#[derive(Clone)]
pub struct Body(Arc<Inner>);

struct Inner {
    /// Bytes that hold this body, shared with other bodies of one graph.
    buffer: Arc<Vec<u8>>,
    range: Range<usize>,
    value: OnceLock<Value>,
}

impl Body {
    /// A body that was made.
    #[must_use]
    pub fn new(value: Value) -> Self {
        let bytes = Encoder::encode(&value);
        let range = 0..bytes.len();
        Self(Arc::new(Inner { buffer: Arc::new(bytes), range, value: OnceLock::from(value) }))
    }

    /// A body of which only the bytes stay: a third of the memory, and thousands of them are let go in no time.
    pub(super) fn written(value: &Value) -> Self {
        let bytes = Encoder::encode(value);
        let range = 0..bytes.len();
        Self::stored(&Arc::new(bytes), range)
    }

    /// The body at `range` of a buffer, which must be whole and canonical: [`Decoder::skip`] has seen it.
    pub(super) fn stored(buffer: &Arc<Vec<u8>>, range: Range<usize>) -> Self {
        Self(Arc::new(Inner { buffer: Arc::clone(buffer), range, value: OnceLock::new() }))
    }

    /// The canonical bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.buffer.get(self.0.range.clone()).unwrap_or_default()
    }

    /// The text at `path`, found without decoding the body.
    #[must_use]
    pub fn text_at(&self, path: &[&str]) -> Option<&str> {
        match self.0.value.get() {
            Some(value) => value.at(path)?.as_str(),
            None => Decoder::new(self.bytes()).text_at(path),
        }
    }

    /// Whether `is_wanted` says so of some text in it, be it a key or a value: found without decoding the body.
    #[must_use]
    pub fn has_text(&self, is_wanted: impl Fn(&[u8]) -> bool) -> bool {
        Decoder::new(self.bytes()).has_text(is_wanted)
    }

    /// The id of a resource with this body.
    #[must_use]
    pub fn id(&self) -> Id<Resource> {
        Id::of(self.bytes())
    }
}

impl Deref for Body {
    type Target = Value;

    fn deref(&self) -> &Value {
        // The bytes were checked when the body was made; were they not canonical, nothing could be applied from them.
        self.0.value.get_or_init(|| Decoder::decode(self.bytes()).unwrap_or(Value::Null))
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}
