//! Values in the memory of this process: no more bytes than a limit, and those that nobody asked for longest go first.
//!
//! In: names and packed values. Out: the same. Pure: what was used last is counted, not timed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What a value costs besides its bytes and its name, roughly.
const OVERHEAD_BYTES: usize = 128;

/// Values by name.
#[derive(Debug)]
pub(super) struct Memory {
    limit: usize,
    bytes: usize,
    uses: u64,
    values: HashMap<Arc<str>, Value>,
    /// Names by their last use.
    order: BTreeMap<u64, Arc<str>>,
}

#[derive(Debug)]
struct Value {
    packed: Arc<[u8]>,
    used: u64,
}

impl Memory {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, bytes: 0, uses: 0, values: HashMap::new(), order: BTreeMap::new() }
    }

    /// How many bytes are held.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn get(&mut self, name: &str) -> Option<Arc<[u8]>> {
        let value = self.values.get_mut(name)?;
        let name = self.order.remove(&value.used)?;
        self.uses += 1;
        value.used = self.uses;
        self.order.insert(self.uses, name);
        Some(Arc::clone(&value.packed))
    }

    /// Keeps a value, in the place of what had its name; `false` where it is longer than all may be.
    pub(super) fn put(&mut self, name: &str, packed: Vec<u8>) -> bool {
        self.remove(name);
        let cost = cost(name, &packed);
        if cost > self.limit {
            return false;
        }
        while self.bytes + cost > self.limit {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            self.forget(&oldest);
        }
        self.uses += 1;
        let name: Arc<str> = name.into();
        self.order.insert(self.uses, Arc::clone(&name));
        self.values.insert(name, Value { packed: packed.into(), used: self.uses });
        self.bytes += cost;
        true
    }

    pub(super) fn remove(&mut self, name: &str) {
        if let Some(used) = self.forget(name) {
            self.order.remove(&used);
        }
    }

    /// Takes a value away whose place in the order is gone, or will be; says where that was.
    fn forget(&mut self, name: &str) -> Option<u64> {
        let value = self.values.remove(name)?;
        self.bytes -= cost(name, &value.packed);
        Some(value.used)
    }
}

fn cost(name: &str, packed: &[u8]) -> usize {
    name.len() + packed.len() + OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(memory: &mut Memory, names: &[&str]) -> Vec<bool> {
        // Not by `get`, which is a use.
        names.iter().map(|name| memory.values.contains_key(*name)).collect()
    }

    #[test]
    fn the_value_that_nobody_asked_for_longest_goes_first() {
        let each = OVERHEAD_BYTES + 1 + 100;
        let mut memory = Memory::new(3 * each);
        for name in ["a", "b", "c"] {
            assert!(memory.put(name, vec![0; 100]));
        }
        assert!(memory.get("a").is_some());
        assert!(memory.put("d", vec![0; 100]));
        assert_eq!(held(&mut memory, &["a", "b", "c", "d"]), [true, false, true, true]);
        assert!(memory.put("e", vec![0; 100]));
        assert_eq!(held(&mut memory, &["a", "c", "d", "e"]), [true, false, true, true]);
        assert_eq!(memory.bytes(), 3 * each);
    }

    #[test]
    fn what_is_replaced_is_counted_once_and_what_never_fits_is_not_kept() {
        let mut memory = Memory::new(1000);
        assert!(memory.put("a", vec![1; 500]));
        assert!(memory.put("a", vec![2; 10]));
        assert_eq!(memory.bytes(), OVERHEAD_BYTES + 1 + 10);
        assert_eq!(memory.get("a").as_deref(), Some(&[2; 10][..]));
        assert!(!memory.put("a", vec![3; 1000]));
        assert_eq!((memory.get("a"), memory.bytes(), memory.order.len()), (None, 0, 0), "it is not what it was");
    }

    #[test]
    fn the_limit_holds_whatever_happens() {
        let mut memory = Memory::new(10_000);
        let mut state = 1_u64;
        for _ in 0..10_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (name, length) = (format!("{}", state >> 58), usize::try_from(state >> 32 & 0xfff).expect("it fits"));
            match state >> 56 & 3 {
                0 => drop(memory.get(&name)),
                1 => memory.remove(&name),
                _ => assert!(memory.put(&name, vec![0; length])),
            }
            let sum: usize = memory.values.iter().map(|(name, value)| cost(name, &value.packed)).sum();
            assert_eq!((memory.bytes, memory.order.len()), (sum, memory.values.len()));
            assert!(memory.bytes <= 10_000);
        }
    }
}
