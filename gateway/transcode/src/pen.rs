//! JSON text under construction: a vector that is written through a pointer, with room for what comes checked once.
//!
//! A `Vec` checks its capacity and stores its length for every few bytes; here a key or a short string costs one
//! comparison and a few stores.
#![allow(
    unsafe_code,
    clippy::inline_always,
    reason = "measured: the list of 100 of the benchmark is printed with half of the instructions"
)]

#[cfg(test)]
mod tests;

use crate::block::{BLOCK, Piece, load, marks};
use crate::wire::Span;

/// Appends to a vector. The vector learns its new length when the pen is dropped.
///
/// Invariant: `at` and `end` point into the vector's allocation, `start <= at <= end`, everything before `at` is
/// written, and `end` is where the capacity ends.
#[derive(Debug)]
pub(crate) struct Pen<'o> {
    at: *mut u8,
    end: *mut u8,
    out: &'o mut Vec<u8>,
}

impl Drop for Pen<'_> {
    fn drop(&mut self) {
        self.settle();
    }
}

impl<'o> Pen<'o> {
    /// A pen at the end of `out`.
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Self {
        let mut pen = Self { at: std::ptr::null_mut(), end: std::ptr::null_mut(), out };
        pen.take_up();
        pen
    }

    /// Goes on where the vector ends.
    #[inline]
    fn take_up(&mut self) {
        let (len, capacity) = (self.out.len(), self.out.capacity());
        let start = self.out.as_mut_ptr();
        // SAFETY: length and capacity of a vector lie within its allocation.
        (self.at, self.end) = unsafe { (start.add(len), start.add(capacity)) };
    }

    /// How many bytes the vector holds by now.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.at as usize - self.out.as_ptr() as usize
    }

    /// Tells the vector its length.
    fn settle(&mut self) {
        let len = self.len();
        // SAFETY: by the invariant `len` bytes are written and within the capacity.
        unsafe { self.out.set_len(len) };
    }

    /// Makes room for `more` bytes.
    #[inline(always)]
    fn room(&mut self, more: usize) {
        if self.end as usize - (self.at as usize) < more {
            self.grow(more);
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, more: usize) {
        self.with(|out| out.reserve(more));
    }

    /// Lets `work` have the vector itself, for what is rare.
    #[inline]
    pub(crate) fn with<T>(&mut self, work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.settle();
        let done = work(self.out);
        self.take_up();
        done
    }

    /// Forgets what was written from `len` on.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.with(|out| out.truncate(len));
    }

    /// Appends one byte.
    #[inline]
    pub(crate) fn byte(&mut self, byte: u8) {
        self.room(1);
        // SAFETY: there is room for it.
        unsafe { self.store(byte) };
    }

    /// Appends the first `len` bytes of `block` (all of them when it has fewer).
    #[inline]
    pub(crate) fn block<const N: usize>(&mut self, block: &[u8; N], len: usize) {
        self.room(N);
        // SAFETY: there is room for the whole block, and not more than the block counts.
        unsafe {
            self.at.cast::<[u8; N]>().write_unaligned(*block);
            self.at = self.at.add(len.min(N));
        }
    }

    /// Appends all of `block`.
    #[inline]
    pub(crate) fn array<const N: usize>(&mut self, block: &[u8; N]) {
        self.block(block, N);
    }

    /// Appends `bytes`.
    #[inline]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        if bytes.len() <= BLOCK {
            return self.block(&load(bytes).to_le_bytes(), bytes.len());
        }
        self.long(bytes);
    }

    #[inline(never)]
    fn long(&mut self, bytes: &[u8]) {
        self.room(bytes.len());
        // SAFETY: there is room for all of them, and a slice that is borrowed is not what this pen alone may write to.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.at, bytes.len());
            self.at = self.at.add(bytes.len());
        }
    }

    /// Appends a piece.
    #[inline]
    pub(crate) fn piece(&mut self, piece: &Piece) {
        match piece.short() {
            Some((block, len)) => self.block(block, len),
            None => self.long(piece.bytes()),
        }
    }

    /// Replaces the byte at `place`, if it is written.
    #[inline]
    pub(crate) fn set(&mut self, place: usize, byte: u8) {
        if place < self.len() {
            // SAFETY: the place lies before `at`.
            unsafe { self.out.as_mut_ptr().add(place).write(byte) };
        }
    }

    /// Appends a text of at most sixteen bytes in quotes; does nothing and answers false when it is longer, when some
    /// of it must be escaped, or when it stands at the very end of its document. Bytes beyond ASCII leave a mark in
    /// `beyond`.
    #[inline(always)]
    pub(crate) fn quoted(&mut self, text: Span<'_>, beyond: &mut u32) -> bool {
        let (Some(block), true) = (text.block(), text.len() <= BLOCK) else { return false };
        let (special, high) = marks(block);
        // a bit for each byte of the block that belongs to the text
        let within = (1_u32 << text.len()) - 1;
        if special & within != 0 {
            return false;
        }
        *beyond |= high & within;
        self.room(BLOCK + 2);
        // SAFETY: there is room for a block and two quotes.
        unsafe {
            self.store(b'"');
            self.at.cast::<[u8; BLOCK]>().write_unaligned(*block);
            self.at = self.at.add(text.len());
            self.store(b'"');
        }
        true
    }

    /// Appends a text up to the first byte that a JSON string must escape; answers how many bytes that were. Bytes
    /// beyond ASCII leave a mark in `beyond`.
    #[inline]
    pub(crate) fn plain(&mut self, text: Span<'_>, beyond: &mut u32) -> usize {
        self.room(text.len() + BLOCK);
        let mut rest = text;
        while rest.len() > BLOCK
            && let Some(block) = rest.block()
        {
            let (special, high) = marks(block);
            *beyond |= high;
            let plain = (special | 0x1_0000).trailing_zeros() as usize;
            // SAFETY: there is room for `rest` and a block; not more than a block is plain.
            unsafe {
                self.at.cast::<[u8; BLOCK]>().write_unaligned(*block);
                self.at = self.at.add(plain);
            }
            if plain < BLOCK {
                return text.len() - rest.len() + plain;
            }
            rest = rest.skip(BLOCK);
        }
        let block = rest.last_block();
        let (special, high) = marks(&block);
        let within = (1_u32 << rest.len()) - 1;
        *beyond |= high & within;
        let plain = ((special & within) | 1 << rest.len()).trailing_zeros() as usize;
        // SAFETY: there is room for a block, and not more than a block is left.
        unsafe {
            self.at.cast::<[u8; BLOCK]>().write_unaligned(block);
            self.at = self.at.add(plain);
        }
        text.len() - rest.len() + plain
    }

    /// # Safety
    ///
    /// There must be room for a byte.
    #[inline(always)]
    unsafe fn store(&mut self, byte: u8) {
        // SAFETY: as the caller promises.
        unsafe {
            self.at.write(byte);
            self.at = self.at.add(1);
        }
    }
}
