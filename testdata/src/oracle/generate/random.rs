//! Decisions that depend on a number only: SplitMix64, which is small and good enough to choose test data.

/// A source of decisions.
#[derive(Debug)]
pub(super) struct Random {
    state: u64,
    /// How much rarer than in a wild file is what most readers refuse.
    restraint: usize,
}

impl Random {
    pub(super) fn new(number: u64) -> Self {
        // Neighbours must have nothing in common.
        let state = number.wrapping_mul(0xD134_2543_DE82_EF95).wrapping_add(0x5851_F42D_4C95_7F2D);
        let mut random = Self { state, restraint: 1 };
        random.restraint = random.pick(&[1, 8, 30, 30]);
        random
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number below `bound`, or 0 where there is none.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let bound = bound.max(1) as u64;
        usize::try_from(self.next() % bound).unwrap_or_default()
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
        self.next().to_le_bytes()[0]
    }
}
