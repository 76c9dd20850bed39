//! What stores on several machines have in common: what was compiled on one of them need not be compiled on another.
//!
//! In: [`Shared`]s, each of which keeps named bytes wherever it likes. Out: graphs, entries of the memo and outputs of programs
//! that this store does not have. Guarantees: what comes from it goes through all that a file of this store goes through, and
//! then becomes one; what holds secrets in plaintext is never given to it. What a graph is its id tells; that an entry or an
//! output is of its recipe is for the [`Shared`] to prove (with a MAC, or a signature), since nothing in them does. They are asked
//! in the order in which they were added, until one has what it should; all are told.
//!
//! Names are ids. An entry of the memo is also named by the compiler that wrote it, so that two versions do not take theirs
//! from each other.

use std::fmt::Debug;
use std::sync::Arc;

use crate::canon::{Graph, Id, Recipe};
use crate::graph::{Change, GraphResource, ResourceGraph};
use crate::sandbox::Strength;

use super::disk::{GRAPHS, MAX_GRAPH_BYTES, Store};

/// A hash of the sources of this compiler and of its lock file.
const COMPILER: &str = env!("GITOPS_COMPILER_SOURCES");

/// What bytes are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// A graph: its canonical bytes, under its id.
    Graph,
    /// A graph as the difference to another, under its id.
    Change,
    /// What a recipe gave: ids, lints, origins.
    Memo,
    /// What a program wrote when it rendered a recipe.
    Output,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Graph, Self::Change, Self::Memo, Self::Output];

    /// A word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::Change => "change",
            Self::Memo => "memo",
            Self::Output => "output",
        }
    }
}

/// Named bytes that several stores have in common. It is asked from threads that may wait, for as long as it likes to make a
/// compilation wait.
pub trait Shared: Debug + Send + Sync {
    /// The bytes that some store gave this name; `None` wherever that is not certain.
    fn get(&self, part: Part, name: &str) -> Option<Vec<u8>>;

    /// Takes bytes. Whether they are kept is not said; the compilation goes on.
    fn put(&self, part: Part, name: &str, bytes: &[u8]);

    /// Is told that what it gave was not what its name says.
    fn refused(&self, part: Part, name: &str);

    /// Is told that something was kept back, since it holds secrets.
    fn withheld(&self, part: Part);
}

impl Store {
    /// The same store, which asks for what it does not have, after those that it asks already, and tells what it compiled.
    #[must_use]
    pub fn with_shared(mut self, shared: Arc<dyn Shared>) -> Self {
        self.shared.push(shared);
        self
    }

    /// Tells the others what a recipe gave. `entry` is that of the memo.
    pub fn share_compiled(&self, recipe: Id<Recipe>, entry: &[u8], graph: &ResourceGraph) {
        if self.shared.is_empty() {
            return;
        }
        if graph.resources().iter().any(GraphResource::is_plain_secret) {
            // The id in the entry can be searched by guessing, too.
            self.withhold(Part::Graph);
            return self.withhold(Part::Memo);
        }
        self.tell(Part::Graph, &graph.id().to_string(), &graph.encode());
        self.tell(Part::Memo, &memo_name(recipe), entry);
    }

    /// Tells the others what a recipe gave, where that is a change of a graph that was told before. Whoever knows only the
    /// change says whether the graph has Secrets at all.
    pub fn share_changed(
        &self,
        recipe: Id<Recipe>,
        entry: &[u8],
        (graph, change): (Id<Graph>, &Change),
        has_secrets: bool,
    ) {
        if self.shared.is_empty() {
            return;
        }
        if has_secrets {
            self.withhold(Part::Change);
            return self.withhold(Part::Memo);
        }
        if graph != change.base {
            self.tell(Part::Change, &graph.to_string(), &change.encode());
        }
        self.tell(Part::Memo, &memo_name(recipe), entry);
    }

    /// Tells the others what a program wrote, confined as wholly as can be. Whoever has read it says whether there are Secrets
    /// in it; the word alone is enough to keep it back, since what was read is not all that was written.
    pub fn share_output(&self, recipe: Id<Recipe>, output: &[u8], has_secrets: bool) {
        if self.shared.is_empty() {
            return;
        }
        if has_secrets || names_secrets(output) {
            return self.withhold(Part::Output);
        }
        self.tell(Part::Output, &recipe.to_string(), output);
    }

    fn tell(&self, part: Part, name: &str, bytes: &[u8]) {
        for shared in &self.shared {
            shared.put(part, name, bytes);
        }
    }

    fn withhold(&self, part: Part) {
        for shared in &self.shared {
            shared.withheld(part);
        }
    }

    /// A graph that another store compiled. It becomes one of this store.
    pub(super) fn shared_graph(&self, id: Id<Graph>) -> Option<ResourceGraph> {
        let graph = self.shared.iter().find_map(|shared| {
            let bytes = asked(&**shared, Part::Graph, &id.to_string())?;
            told(&**shared, Part::Graph, id, ResourceGraph::decode(&bytes, id).ok())
        });
        let changed = || self.shared.iter().find_map(|shared| self.shared_change(&**shared, id));
        let graph = graph.or_else(changed)?;
        // What cannot be written is asked for again.
        let _ = self.put_graph(&graph);
        Some(graph)
    }

    /// The base is not looked at: the whole that comes of it is.
    fn shared_change(&self, shared: &dyn Shared, id: Id<Graph>) -> Option<ResourceGraph> {
        let bytes = asked(shared, Part::Change, &id.to_string())?;
        let change = told(shared, Part::Change, id, Change::decode(&bytes).ok())?;
        let base = match self.read_compressed(GRAPHS, change.base) {
            Some((base, _)) => base,
            None => self.asked_of_all(Part::Graph, &change.base.to_string())?,
        };
        told(shared, Part::Change, id, ResourceGraph::decode_changed(&base, change, id).ok())
    }

    /// What a recipe gave on another machine. It becomes an entry of this store.
    pub(super) fn shared_memo(&self, recipe: Id<Recipe>) -> Option<Vec<u8>> {
        let entry = self.asked_of_all(Part::Memo, &memo_name(recipe))?;
        let _ = self.put_memo(recipe, &entry);
        Some(entry)
    }

    /// What a program wrote on another machine. It becomes an output of this store.
    pub(super) fn shared_output(&self, recipe: Id<Recipe>) -> Option<Vec<u8>> {
        let output = self.asked_of_all(Part::Output, &recipe.to_string())?;
        // Nothing less is shared.
        let _ = self.put_output(recipe, Strength::Full, &output);
        Some(output)
    }

    fn asked_of_all(&self, part: Part, name: &str) -> Option<Vec<u8>> {
        self.shared.iter().find_map(|shared| asked(&**shared, part, name))
    }
}

fn asked(shared: &dyn Shared, part: Part, name: &str) -> Option<Vec<u8>> {
    shared.get(part, name).filter(|bytes| bytes.len() <= MAX_GRAPH_BYTES)
}

fn told<T>(shared: &dyn Shared, part: Part, id: Id<Graph>, found: Option<T>) -> Option<T> {
    if found.is_none() {
        shared.refused(part, &id.to_string());
    }
    found
}

fn memo_name(recipe: Id<Recipe>) -> String {
    format!("{COMPILER} {recipe}")
}

/// Whether the word `Secret` is there.
fn names_secrets(output: &[u8]) -> bool {
    let word = b"Secret";
    let is_of_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    output.windows(word.len()).enumerate().any(|(at, window)| {
        let before = at.checked_sub(1).and_then(|before| output.get(before));
        window == word && !is_of_word(before) && !is_of_word(output.get(at + word.len()))
    })
}
