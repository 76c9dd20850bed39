//! Pins: graphs that no collection removes.
//!
//! In: the id of a graph that is there. Out: it stays. Guarantees: a pin that was reported survives a power cut, and the
//! graph with it; a pin is made or removed, never half.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr as _;

use crate::canon::{Graph, Id};

use super::disk::PINS;
use super::{Error, Store};

impl Store {
    /// Pins a graph; `false` where it is absent or damaged.
    pub fn pin(&self, id: Id<Graph>) -> Result<bool, Error> {
        let path = self.path(PINS, id);
        let _lock = self.lock_for_writing()?;
        let Some(graph) = self.graph(id) else { return Ok(false) };
        // Whoever wrote it may have died before it was safe.
        self.keep_graph(&graph)?;
        self.files().create(&path).map_err(|source| Error { path, source })?;
        self.sync_pins()?;
        Ok(true)
    }

    /// Removes a pin; `false` where there was none.
    pub fn unpin(&self, id: Id<Graph>) -> Result<bool, Error> {
        let path = self.path(PINS, id);
        let pinned = self.files().exists(&path);
        self.remove(&path)?;
        self.sync_pins()?;
        Ok(pinned)
    }

    /// The graphs that are pinned.
    pub fn pins(&self) -> Result<BTreeSet<Id<Graph>>, Error> {
        let names = self.list(PINS)?;
        Ok(names.iter().filter_map(|stat| Id::from_str(stat.name.to_str()?).ok()).collect())
    }

    fn sync_pins(&self) -> Result<(), Error> {
        let path: PathBuf = self.root().join(PINS);
        self.files().sync_folder(&path).map_err(|source| Error { path, source })
    }
}
