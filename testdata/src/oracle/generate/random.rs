//! The decisions of the generator.

use crate::random::SplitMix64;

/// A source of decisions.
#[derive(Debug)]
pub(super) struct Random {
    source: SplitMix64,
    /// How much rarer than in a wild file is what most readers refuse.
    restraint: usize,
}

impl Random {
    pub(super) fn new(number: u64) -> Self {
        // Neighbours must have nothing in common.
        let state = number.wrapping_mul(0xD134_2543_DE82_EF95).wrapping_add(0x5851_F42D_4C95_7F2D);
        let mut random = Self { source: SplitMix64::new(state), restraint: 1 };
        random.restraint = random.pick(&[1, 8, 30, 30]);
        random
    }

    /// A number below `bound`, or 0 where there is none.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.source.below(bound)
    }

    /// Something that happens once in so many times.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Something that most readers refuse: once in so many times in a wild file, hardly ever in others.
    pub(super) fn wildly(&mut self, times: usize) -> bool {
        self.once_in(times * self.restraint)
    }

    /// One of some.
    pub(super) fn pick<T: Copy>(&mut self, some: &[T]) -> T {
        some[self.below(some.len())]
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.source.number().to_le_bytes()[0]
    }
}
