//! Pseudo-random choices that a seed repeats (splitmix64, Steele and others 2014).

pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn one<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    /// A word that no template has, with some characters that want escaping.
    pub(crate) fn word(&mut self) -> String {
        const PIECES: &[&str] = &[
            "a", "Z", "0", "-", ".", "_", "~", " ", "%", "+", "&", "=", ":", "ü", "日", "?", "#", ";", "\"",
            "%2F",
        ];
        let len = self.below(6);
        let rest: String = (0..len).map(|_| *self.one(PIECES)).collect();
        format!("x{rest}")
    }
}
