//! Hashes of answers for entity tags: keyed, of 128 bits, so that who can choose what an answer holds cannot make two of one
//! tag, by which clients would be shown the former one.
//!
//! The hash is universal (GHASH, by the tag of AES-GCM over data that is not encrypted), which costs a twelfth of SHA-256,
//! and what it gives is hidden by SHA-256 with a second key: nobody learns the first key from tags.

use std::fmt;
use std::sync::LazyLock;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{Context, SHA256, SHA256_OUTPUT_LEN, digest};
use http::HeaderValue;

/// Bytes of a tag.
const LENGTH: usize = 16;

/// The key of the process, where none is given; none where there is no randomness.
static OWN: LazyLock<Option<EtagKey>> = LazyLock::new(|| {
    let mut secret = [0; SHA256_OUTPUT_LEN];
    aws_lc_rs::rand::fill(&mut secret).ok().map(|()| EtagKey::new(&secret))
});

/// A secret by which entity tags are made. Gateways with the same one give the same tags.
#[derive(Clone)]
pub struct EtagKey {
    hash: [u8; LENGTH],
    hide: [u8; SHA256_OUTPUT_LEN],
}

impl EtagKey {
    /// A key from a secret of any length.
    pub fn new(secret: &[u8]) -> Self {
        let derive = |purpose: &[u8]| {
            let mut context = Context::new(&SHA256);
            context.update(purpose);
            context.update(secret);
            let mut key = [0; SHA256_OUTPUT_LEN];
            key.copy_from_slice(context.finish().as_ref());
            key
        };
        let mut hash = [0; LENGTH];
        hash.copy_from_slice(&derive(b"etag hash:")[..LENGTH]);
        Self { hash, hide: derive(b"etag hide:") }
    }
}

impl fmt::Debug for EtagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EtagKey(..)")
    }
}

/// Makes tags.
pub(super) struct Tags {
    hash: LessSafeKey,
    hide: [u8; SHA256_OUTPUT_LEN],
}

impl Tags {
    /// With this key, or with that of the process.
    pub(super) fn new(key: Option<&EtagKey>) -> Option<Self> {
        let key = key.or(OWN.as_ref())?;
        let hash = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key.hash).ok()?);
        Some(Self { hash, hide: key.hide })
    }

    /// The weak tag of these bytes: it stands for the JSON, whatever coding that travels in.
    pub(super) fn of(&self, bytes: &[u8]) -> Option<HeaderValue> {
        // always the same nonce, for nothing is encrypted, and what is made by it is hidden below
        let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
        let hash = self.hash.seal_in_place_separate_tag(nonce, Aad::from(bytes), &mut []).ok()?;
        let mut hidden = [0; SHA256_OUTPUT_LEN + LENGTH];
        let (key, rest) = hidden.split_at_mut(SHA256_OUTPUT_LEN);
        key.copy_from_slice(&self.hide);
        rest.copy_from_slice(hash.as_ref());
        let hidden = digest(&SHA256, &hidden);
        let mut tag = *b"W/\"................................\"";
        let digits = tag.iter_mut().skip(3);
        let nibbles = hidden.as_ref().iter().take(LENGTH).flat_map(|byte| [byte >> 4, byte & 15]);
        for (place, nibble) in digits.zip(nibbles) {
            *place = if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
        }
        HeaderValue::from_bytes(&tag).ok()
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tags(..)")
    }
}

#[cfg(test)]
mod tests {
    //! What tags tell apart.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn tag(secret: &str, bytes: &[u8]) -> String {
        let tags = Tags::new(Some(&EtagKey::new(secret.as_bytes()))).unwrap();
        tags.of(bytes).unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn tags_tell_bodies_apart_and_are_the_same_for_one_key() {
        assert_eq!(tag("a", b"{}"), tag("a", b"{}"));
        for (one, other) in [("{}", "{ }"), ("", "\0"), ("\0", "\0\0"), ("a\0", "a")] {
            assert_ne!(tag("a", one.as_bytes()), tag("a", other.as_bytes()), "{one:?} {other:?}");
        }
        assert_ne!(tag("a", b"{}"), tag("b", b"{}"));
        let own = || Tags::new(None).unwrap().of(b"{}").unwrap();
        assert_eq!(own(), own(), "all of a process is alike");
        assert_ne!(own().to_str().unwrap(), tag("", b"{}"));
    }

    #[test]
    fn a_tag_has_128_bits_of_hash() {
        let tag = tag("a", b"");
        let digits = tag.strip_prefix("W/\"").and_then(|rest| rest.strip_suffix('"')).unwrap();
        assert_eq!(digits.len(), 32, "{tag}");
        assert!(digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{tag}");
    }

    #[test]
    fn nothing_shows_the_key() {
        let key = EtagKey::new(b"secret");
        assert_eq!(format!("{key:?} {:?}", Tags::new(Some(&key)).unwrap()), "EtagKey(..) Tags(..)");
    }
}
