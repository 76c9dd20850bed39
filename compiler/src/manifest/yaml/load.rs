//! From nodes to a value: what yaml.v2, sigs.k8s.io/yaml and the JSON decoder behind them make of a document.
//!
//! In: the nodes of one document, from YAML or JSON. Out: its [`Value`], with everything that was wrong or surprising.
//! Guarantees: keys are text as kubectl makes them, numbers are Kubernetes' numbers; nothing recurses over the input,
//! nests deeper than the limit, or grows beyond the limit of bytes.

use super::anchor::{Anchored, Anchors, Cost};
use super::event::{Fault, Shape, Sink};
use super::frame::{Frame, Kind, Next};
use super::lint::{self, Note};
use super::scalar::{self, Raw, Scalar};
use super::{Limits, number};
use crate::canon::Value;

/// How many errors of single scalars a document may have: enough for every reader of them.
const MOST_FAULTS: usize = 1_000;

/// A document as far as it was read.
#[derive(Debug)]
pub(super) struct Loader {
    limits: Limits,
    open: Vec<Frame>,
    anchors: Anchors,
    cost: Cost,
    /// How many bytes are kept beside the value, for aliases.
    kept: usize,
    /// The value, once it is complete.
    pub(super) root: Option<Value>,
    /// Where the first node stands.
    pub(super) start: Option<usize>,
    pub(super) faults: Vec<Fault>,
    pub(super) notes: Vec<Note>,
}

impl Loader {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            open: Vec::new(),
            anchors: Anchors::default(),
            // yaml.v2 counts the document itself.
            cost: Cost { nodes: 1, ..Cost::default() },
            kept: 0,
            root: None,
            start: None,
            faults: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Takes note of an error that does not keep the rest from being read. It counts also where kubectl never sees it,
    /// because a later value of the same key replaces what it is in: somebody should.
    fn fault(&mut self, at: usize, message: impl Into<String>) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(Fault::new(at, message));
        }
    }

    fn note(&mut self, notes: impl IntoIterator<Item = Note>) {
        let room = lint::MOST.saturating_sub(self.notes.len());
        self.notes.extend(notes.into_iter().take(room));
    }

    fn too_deep(&self, at: usize) -> Fault {
        Fault::new(at, format!("the document nests deeper than {} lists and maps", self.limits.depth))
    }

    /// Checks what the document would have cost with this.
    fn afford(&self, cost: Cost, at: usize) -> Result<(), Fault> {
        if cost.is_excessive() {
            return Err(Fault::new(at, "the document contains excessive aliasing: repeat less by `*`"));
        }
        if cost.bytes.saturating_add(self.kept) > self.limits.bytes {
            let message =
                format!("the document is larger than {} bytes with its aliases written out", self.limits.bytes);
            return Err(Fault::new(at, message));
        }
        Ok(())
    }

    fn admit(&self, kind: Kind, at: usize) -> Result<(), Fault> {
        self.open.last().map_or(Ok(()), |frame| frame.admit(kind, at))
    }

    fn expects_key(&self) -> bool {
        self.open.last().is_some_and(Frame::expects_key)
    }

    fn expect(&mut self, next: Next) {
        if let Some(frame) = self.open.last_mut() {
            frame.expect(next);
        }
    }

    /// A scalar resolved, or nothing where that is an error.
    fn resolve(&mut self, raw: Raw, is_key: bool, at: usize) -> Option<Scalar> {
        if raw.is_plain() {
            let Some(scalar) = scalar::plain(&raw.text) else { return Some(Scalar::Text(raw.text)) };
            self.note(lint::scalar(&raw.text, &scalar, is_key, at));
            return Some(scalar);
        }
        scalar::resolve(raw).map_err(|message| self.fault(at, message)).ok()
    }

    /// A scalar at its place, as a key or a value.
    fn put(&mut self, scalar: Option<Scalar>, at: usize) {
        if !self.expects_key() {
            let value = self.value_of(scalar.unwrap_or(Scalar::Null), at);
            self.place(value);
            return;
        }
        let next = match scalar.map(scalar::key) {
            Some(Ok(key)) => Next::Value(key, at),
            Some(Err(message)) => {
                self.fault(at, message);
                Next::Refused
            }
            None => Next::Refused,
        };
        self.expect(next);
    }

    fn value_of(&mut self, scalar: Scalar, at: usize) -> Value {
        match scalar {
            Scalar::Null => Value::Null,
            Scalar::Bool(truth) => Value::Bool(truth),
            Scalar::Int(number) => Value::Int(number),
            #[expect(clippy::cast_precision_loss, reason = "Kubernetes makes a float of what is above i64")]
            Scalar::Unsigned(number) => Value::Float(number as f64),
            Scalar::Text(text) => Value::String(text),
            Scalar::Float(number) => number::value(number).unwrap_or_else(|message| {
                self.fault(at, message);
                Value::Null
            }),
        }
    }

    /// A finished value at its place.
    fn place(&mut self, value: Value) {
        match self.open.last_mut() {
            None => self.root = Some(value),
            Some(frame) => {
                let notes = frame.add(value);
                if !notes.is_empty() {
                    self.note(notes);
                }
            }
        }
    }

    /// A value of some height is going into the container that is open.
    fn raise(&mut self, height: usize) {
        if let Some(frame) = self.open.last_mut() {
            frame.height = frame.height.max(height);
        }
    }

    /// Keeps a scalar under its anchor, which costs a copy.
    fn anchor(&mut self, name: String, scalar: Scalar, cost: Cost) {
        self.kept += cost.bytes;
        let slot = self.anchors.open(name);
        self.anchors.finish(slot, Anchored::Scalar(scalar, cost));
    }
}

impl Sink for Loader {
    fn scalar(&mut self, raw: Raw, anchor: Option<String>, at: usize) -> Result<(), Fault> {
        self.start.get_or_insert(at);
        let is_key = self.expects_key();
        if is_key && raw.is_merge() {
            if let Some(name) = anchor {
                self.anchor(name, Scalar::Text(raw.text), Cost { nodes: 1, ..Cost::default() });
            }
            self.expect(Next::Merge(at));
            return Ok(());
        }
        self.admit(Kind::Scalar, at)?;
        let before = self.cost;
        self.cost.node(raw.text.len());
        let scalar = self.resolve(raw, is_key, at);
        if let Some(name) = anchor {
            self.anchor(name, scalar.clone().unwrap_or(Scalar::Null), self.cost.since(before));
        }
        self.afford(self.cost, at)?;
        self.put(scalar, at);
        Ok(())
    }

    fn refuse(&mut self, at: usize, message: String) -> Result<(), Fault> {
        self.start.get_or_insert(at);
        self.cost.node(0);
        self.afford(self.cost, at)?;
        self.fault(at, message);
        self.put(None, at);
        Ok(())
    }

    fn open(&mut self, shape: Shape, anchor: Option<String>, at: usize) -> Result<(), Fault> {
        self.start.get_or_insert(at);
        self.admit(Kind::Node(shape), at)?;
        if self.open.len() >= self.limits.depth {
            return Err(self.too_deep(at));
        }
        let before = self.cost;
        // yaml.v2 walks over a list behind `<<` without decoding it.
        if shape == Shape::Map || !self.open.last().is_some_and(Frame::expects_merge) {
            self.cost.node(0);
        }
        self.afford(self.cost, at)?;
        let slot = anchor.map(|name| self.anchors.open(name));
        self.open.push(Frame::new(shape, slot, before, self.open.last()));
        Ok(())
    }

    fn close(&mut self) -> Result<(), Fault> {
        let Some(frame) = self.open.pop() else { return Ok(()) };
        let (slot, height, before) = (frame.anchor, frame.height + 1, frame.before);
        let value = frame.finish();
        if let Some(slot) = slot {
            let cost = self.cost.since(before);
            // Keeping it costs a copy, but no second one for an anchor around it.
            self.kept += cost.bytes;
            self.afford(self.cost, self.start.unwrap_or_default())?;
            self.anchors.finish_tree(slot, &value, height, cost);
        }
        self.raise(height);
        self.place(value);
        Ok(())
    }

    fn alias(&mut self, name: &str, at: usize) -> Result<(), Fault> {
        let refused = |why: &str| Err(Fault::new(at, format!("`*{name}`: {why}")));
        match self.anchors.get(name) {
            None => refused("nothing before this has that anchor"),
            Some(Anchored::Open) => refused("it would contain itself"),
            Some(Anchored::TooDeep) => refused("it nests too deeply to be repeated"),
            Some(Anchored::Scalar(scalar, cost)) => {
                self.admit(Kind::Scalar, at)?;
                let cost = self.cost.with_alias(*cost);
                self.afford(cost, at)?;
                let scalar = scalar.clone();
                self.cost = cost;
                self.put(Some(scalar), at);
                Ok(())
            }
            Some(Anchored::Tree(value, height, cost)) => {
                let (height, cost) = (*height, self.cost.with_alias(*cost));
                let shape = if matches!(value, Value::Map(_)) { Shape::Map } else { Shape::List };
                self.admit(Kind::Alias(shape), at)?;
                if self.open.len() + height > self.limits.depth {
                    return Err(self.too_deep(at));
                }
                self.afford(cost, at)?;
                let value = value.clone();
                self.cost = cost;
                self.raise(height);
                self.place(value);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::event;
    use super::*;

    fn load(text: &str, limits: Limits) -> Result<Loader, Fault> {
        event::parse(text, || Loader::new(limits)).map(|(loader, _)| loader)
    }

    fn json(text: &str) -> String {
        let loader = load(text, Limits::default()).expect(text);
        assert_eq!(loader.faults, [], "{text}");
        serde_json::Value::from(&loader.root.expect(text)).to_string()
    }

    /// What is wrong, and where.
    fn wrong(text: &str) -> (usize, String) {
        match load(text, Limits::default()) {
            Ok(mut loader) => {
                assert_eq!(loader.faults.len(), 1, "{text}");
                let fault = loader.faults.remove(0);
                (fault.at, fault.message)
            }
            Err(fault) => (fault.at, fault.message),
        }
    }

    fn rules(text: &str) -> Vec<&'static str> {
        load(text, Limits::default()).expect(text).notes.iter().map(|note| note.rule).collect()
    }

    #[test]
    fn keys_become_text() {
        assert_eq!(
            json("yes: 1\n1.0: 2\n0x10: 3\n2001-01-01: 4\n.inf: 5\n"),
            r#"{".inf":5,"1":2,"16":3,"2001-01-01":4,"true":1}"#
        );
        assert_eq!(json("? |\n  a\n: 1\n&k b: 2\n*k : 3\n"), r#"{"a\n":1,"b":3}"#);
        for (text, at) in [
            ("~: 1\n", 0),
            ("a: {: 1}\n", 4),
            ("18446744073709551615: 1\n", 0),
            ("? [a]\n: 1\n", 2),
            ("{a: {b: c}: d}\n", 0),
        ] {
            assert!(wrong(text).0 >= at, "{text}");
        }
    }

    #[test]
    fn numbers_are_those_of_kubernetes() {
        let text = "[1.0, 1e3, 0777, 1_000, 9223372036854775808, 0.5, -0.0, 1e400, 08]\n";
        assert_eq!(json(text), "[1,1000,511,1000,9.223372036854776e+18,0.5,0,\"1e400\",8]");
        assert_eq!(wrong("a: [.inf]\n").0, 4);
        assert_eq!(wrong("a: .nan\n").0, 3);
    }

    #[test]
    fn the_last_of_two_equal_keys_wins_with_a_lint() {
        assert_eq!(json("a: 1\nb: 2\na: 3\n"), r#"{"a":3,"b":2}"#);
        assert_eq!(rules("a: 1\nb: 2\na: 3\n"), [lint::DUPLICATE_KEY]);
        assert_eq!(rules("{1: x, \"1\": z}\n"), [lint::DUPLICATE_KEY]);
    }

    #[test]
    fn merges_happen_where_they_stand() {
        let base = "b: &b {x: 1, y1: 2}\nk:\n";
        assert_eq!(json(&format!("{base}  <<: *b\n  x: 9\n")), r#"{"b":{"x":1,"y1":2},"k":{"x":9,"y1":2}}"#);
        assert_eq!(json(&format!("{base}  x: 9\n  <<: *b\n")), r#"{"b":{"x":1,"y1":2},"k":{"x":1,"y1":2}}"#);
        assert_eq!(rules(&format!("{base}  <<: *b\n  x: 9\n")), [""; 0]);
        assert_eq!(rules(&format!("{base}  x: 9\n  <<: *b\n")), [lint::MERGE_AFTER_KEY]);
        assert_eq!(rules(&format!("{base}  <<: *b\n  <<: *b\n  x: 1\n  x: 2\n")), [lint::DUPLICATE_KEY]);
    }

    #[test]
    fn of_a_list_of_merges_the_earlier_ones_win() {
        assert_eq!(json("a: &a {x: 1}\nk:\n  <<: [*a, {x: 5, z: 6}]\n"), r#"{"a":{"x":1},"k":{"x":1,"z":6}}"#);
        assert_eq!(json("!!merge \"<<\": {a: 1}\n"), r#"{"a":1}"#);
        assert_eq!(json("\"<<\": {a: 1}\nb: <<\n"), r#"{"<<":{"a":1},"b":"<<"}"#);
    }

    #[test]
    fn merges_take_maps_only() {
        for text in [
            "<<: a\n",
            "<<:\n",
            "<<: [a]\n",
            "<<: [[{a: 1}]]\n",
            "a: &a [{x: 1}]\nb: {<<: *a}\n",
            "a: &a x\nb: {<<: [*a]}\n",
        ] {
            assert!(wrong(text).1.contains("`<<` takes"), "{text}");
        }
    }

    #[test]
    fn aliases_repeat_the_last_node_with_their_name() {
        assert_eq!(json("a: &x 0777\nb: *x\nc: &x [z]\nd: *x\n"), r#"{"a":511,"b":511,"c":["z"],"d":["z"]}"#);
        assert!(wrong("a: *x\n").1.contains("anchor"));
        assert!(wrong("a: &x [*x]\n").1.contains("itself"));
        assert!(wrong("a: &x {b: {<<: *x}}\n").1.contains("itself"));
    }

    #[test]
    fn errors_of_scalars_do_not_end_the_document() {
        let loader =
            load("a: !!int x\nb: .nan\n~: 1\n!!int y: 2\nc: !!binary '?'\n", Limits::default()).expect("it parses");
        assert_eq!(loader.faults.iter().map(|fault| fault.at).collect::<Vec<_>>(), [3, 14, 19, 24, 38]);
    }

    #[test]
    fn repetition_is_limited_by_nodes_and_by_bytes() {
        let level = |level: i32| format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(","));
        let laughs = (1..9).map(level).collect::<Vec<_>>().concat();
        assert!(wrong(&format!("a0: &a0 [x]\n{laughs}")).1.contains("excessive aliasing"));
        let many = format!("a: &a {{p: 1}}\nk:\n{}", "- *a\n".repeat(2_000));
        assert!(load(&many, Limits::default()).is_ok());
        let big = format!("a: &a {}\nk:\n{}", "x".repeat(1 << 16), "- *a\n".repeat(20));
        let limits = Limits { bytes: 1 << 20, ..Limits::default() };
        assert!(load(&big, limits).is_err_and(|fault| fault.message.contains("larger than 1048576 bytes")));
        // Each of the lists is kept, text and all.
        let nested = |depth: usize| format!("{}{}{}\n", "[&a ".repeat(depth), "x".repeat(1 << 16), "]".repeat(depth));
        assert!(load(&nested(8), limits).is_ok());
        assert!(load(&nested(16), limits).is_err());
    }

    #[test]
    fn depth_is_limited_through_aliases_too() {
        let limits = Limits { depth: 4, ..Limits::default() };
        assert!(load("a: [[[1]]]\n", limits).is_ok());
        assert!(load("a: [[[[1]]]]\n", limits).is_err());
        assert!(load("a: &a [[1]]\nb: [*a]\n", limits).is_ok());
        assert!(load("a: &a [[1]]\nb: [[*a]]\n", limits).is_err());
        assert!(load("a: &a [[1]]\nb: &b [*a]\nc: [*b]\n", limits).is_err());
    }

    /// Whether each text of such depth can be read, and its value compared and dropped, with a stack of that size.
    fn fits(depth: usize, stack: usize) -> Vec<bool> {
        let deep = move |open: &str, close: &str| format!("{}1{}\n", open.repeat(depth), close.repeat(depth));
        let texts = [deep("[", "]"), deep("{a: ", "}"), deep("- ", ""), deep("[[", "]]")];
        let fits = move |text: &String| {
            let limits = Limits { depth, ..Limits::default() };
            load(text, limits).is_ok_and(|loader| loader.root == loader.root.clone())
        };
        let thread = std::thread::Builder::new().stack_size(stack).spawn(move || texts.iter().map(fits).collect());
        thread.expect("threads start").join().expect("it does not overflow")
    }

    #[test]
    fn the_usual_depth_fits_a_small_stack_and_more_depth_only_needs_more_stack() {
        // The last text nests twice as deep.
        assert_eq!(fits(Limits::default().depth, 1 << 20), [true, true, true, false]);
        assert_eq!(fits(10_000, 64 << 20), [true, true, true, false]);
    }
}
