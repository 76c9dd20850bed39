//! From an application and a tree to manifests, by a closed recipe.
//!
//! In: an [`AppSpec`](crate::app::AppSpec) and a [`Snapshot`](crate::tree::Snapshot). Out: the files that take part
//! (the layout), the recipe's id, and on demand the manifests. What a render may read is inside its recipe by
//! construction, so that an equal recipe gives an equal output and need not run again.

mod directory;

pub use directory::{Render, Rendered, lay_out, together};
