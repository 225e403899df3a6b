//! Appending to a vector with its room checked once for several pieces.
#![allow(
    unsafe_code,
    clippy::inline_always,
    reason = "measured: a vector that is asked for room by every piece costs a tenth of a request"
)]

/// Appends the first `len` bytes of `block` (all of them when it has fewer).
#[inline(always)]
pub(crate) fn append_block<const N: usize>(out: &mut Vec<u8>, block: &[u8; N], len: usize) {
    append_headed(out, [], block, len);
}

/// Appends `head`, and the first `len` bytes of `block` (all of them when it has fewer).
#[inline(always)]
pub(crate) fn append_headed<const H: usize, const N: usize>(
    out: &mut Vec<u8>,
    head: [u8; H],
    block: &[u8; N],
    len: usize,
) {
    let spare = out.spare_capacity_mut();
    if spare.len() < H + N {
        return append_growing(out, &head, block, len);
    }
    let spare = spare.as_mut_ptr().cast::<u8>();
    let end = out.len() + H + len.min(N);
    // SAFETY: there is room for both, as just seen; everything before `end` is written by then.
    unsafe {
        spare.cast::<[u8; H]>().write_unaligned(head);
        spare.add(H).cast::<[u8; N]>().write_unaligned(*block);
        out.set_len(end);
    }
}

/// As [`append_headed`]. Apart and last, so that the way past it saves no registers.
#[cold]
#[inline(never)]
fn append_growing(out: &mut Vec<u8>, head: &[u8], block: &[u8], len: usize) {
    out.reserve(head.len() + block.len());
    out.extend_from_slice(head);
    out.extend_from_slice(block.get(..len).unwrap_or(block));
}
