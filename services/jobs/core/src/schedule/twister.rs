//! `CPython`'s `random.Random(<string>)`, as far as the slots of macros need it.
//!
//! MT19937 by Matsumoto and Nishimura (1998), seeded as `CPython` seeds from a string; contract 3.6 fixes the
//! procedure, because existing jobs must keep their slots.

use sha2::{Digest, Sha512};

const N: usize = 624;
const M: usize = 397;

/// The generator.
#[derive(Debug)]
pub(super) struct Twister {
    state: [u32; N],
    index: usize,
}

impl Twister {
    /// Seeds from a text: the number `big_endian(text || sha512(text))`, least significant word first.
    pub(super) fn seeded(text: &str) -> Self {
        let mut bytes = text.as_bytes().to_vec();
        bytes.extend_from_slice(&Sha512::digest(text.as_bytes()));
        let word = |chunk: &[u8]| chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        let mut key: Vec<u32> = bytes.rchunks(4).map(word).collect();
        while key.len() > 1 && key.last() == Some(&0) {
            key.pop();
        }
        Self::by_array(&key)
    }

    /// A number below `end`: the top bits of outputs until one is small enough.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        let bits = u32::BITS - end.leading_zeros();
        loop {
            let value = self.next() >> (u32::BITS - bits);
            if value < end {
                return value;
            }
        }
    }

    fn by_seed(seed: u32) -> Self {
        let mut state = [0_u32; N];
        let mut previous = seed;
        for (position, word) in (0_u32..).zip(&mut state) {
            if position > 0 {
                previous = 1_812_433_253_u32.wrapping_mul(previous ^ (previous >> 30)).wrapping_add(position);
            }
            *word = previous;
        }
        Self { state, index: N }
    }

    fn by_array(key: &[u32]) -> Self {
        let mut twister = Self::by_seed(19_650_218);
        let state = &mut twister.state;
        let (mut i, mut j) = (1, 0);
        for _ in 0..N.max(key.len()) {
            let previous = state[i - 1] ^ (state[i - 1] >> 30);
            let offset = u32::try_from(j).unwrap_or_default();
            state[i] =
                (state[i] ^ previous.wrapping_mul(1_664_525)).wrapping_add(key[j]).wrapping_add(offset);
            i = Self::advance(state, i);
            j = (j + 1) % key.len();
        }
        for _ in 1..N {
            let previous = state[i - 1] ^ (state[i - 1] >> 30);
            let offset = u32::try_from(i).unwrap_or_default();
            state[i] = (state[i] ^ previous.wrapping_mul(1_566_083_941)).wrapping_sub(offset);
            i = Self::advance(state, i);
        }
        state[0] = 0x8000_0000;
        twister
    }

    /// The next position while seeding; passing the end carries the last word to the front.
    fn advance(state: &mut [u32; N], i: usize) -> usize {
        if i + 1 < N {
            return i + 1;
        }
        state[0] = state[N - 1];
        1
    }

    fn next(&mut self) -> u32 {
        if self.index >= N {
            self.refill();
        }
        let mut y = self.state[self.index];
        self.index += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn refill(&mut self) {
        for i in 0..N {
            let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
            let twist = if y & 1 == 0 { 0 } else { 0x9908_b0df };
            self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ twist;
        }
        self.index = 0;
    }
}
