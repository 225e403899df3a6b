//! Opaque page tokens: where a list goes on, bound to the query that began it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// The first byte of every token; another layout gets another number.
const VERSION: u8 = 1;
const DIGEST: usize = 8;
const CHECK: usize = 4;

/// The longest position, in bytes; positions are keys of a store.
pub const MAX_POSITION: usize = 1024;

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// It was not made here, or changed on its way.
    #[error("page_token is not one that this list has given")]
    Foreign,
    /// It belongs to a list with other parameters.
    #[error("page_token belongs to a list with other parameters: send the same ones with every page")]
    OtherQuery,
    /// The position is too long to be one.
    #[error("a page position of more than {MAX_POSITION} bytes")]
    TooLong,
}

/// What makes up a query, digested: every parameter that must stay the same from page to page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query([u8; DIGEST]);

impl Query {
    /// Digests parameters in their order, each with its length, so that none flows into the next.
    pub fn of<'a>(parameters: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hash = Sha256::new();
        for parameter in parameters {
            hash.update((parameter.len() as u64).to_be_bytes());
            hash.update(parameter);
        }
        Self(prefix(&hash.finalize()))
    }
}

/// The token of a position (the key of the last item that was given) in a query's list.
pub fn encode(query: Query, position: &[u8]) -> Result<String, PageError> {
    if position.len() > MAX_POSITION {
        return Err(PageError::TooLong);
    }
    let mut bytes = Vec::with_capacity(1 + DIGEST + position.len() + CHECK);
    bytes.push(VERSION);
    bytes.extend(query.0);
    bytes.extend(position);
    bytes.extend(check(&bytes));
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The position in a token; an empty token is the beginning.
pub fn decode(query: Query, token: &str) -> Result<Option<Vec<u8>>, PageError> {
    const LONGEST: usize = (1 + DIGEST + MAX_POSITION + CHECK).div_ceil(3) * 4;
    if token.is_empty() {
        return Ok(None);
    }
    if token.len() > LONGEST {
        return Err(PageError::Foreign);
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| PageError::Foreign)?;
    let (content, sum) = bytes.split_last_chunk::<CHECK>().ok_or(PageError::Foreign)?;
    let (&version, rest) = content.split_first().ok_or(PageError::Foreign)?;
    let (digest, position) = rest.split_first_chunk::<DIGEST>().ok_or(PageError::Foreign)?;
    if version != VERSION || *sum != check(content) {
        return Err(PageError::Foreign);
    }
    if *digest != query.0 {
        return Err(PageError::OtherQuery);
    }
    Ok(Some(position.to_vec()))
}

fn check(content: &[u8]) -> [u8; CHECK] {
    prefix(&Sha256::digest(content))
}

fn prefix<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    //! There and back, and nothing else.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_position_comes_back_to_its_own_query() {
        let query = Query::of(["alpha", "state=running"]);
        let token = encode(query, b"job-7").unwrap();
        assert_eq!(decode(query, &token), Ok(Some(b"job-7".to_vec())));
        assert_eq!(decode(query, ""), Ok(None));
        assert_eq!(decode(Query::of(["alphastate=running", ""]), &token), Err(PageError::OtherQuery));
        assert_eq!(decode(Query::of(["alpha", "state=failed"]), &token), Err(PageError::OtherQuery));
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let query = Query::of(["alpha"]);
        let token = encode(query, b"job-7").unwrap();
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(decode(query, &changed), Err(PageError::Foreign), "at {at}");
            assert_eq!(decode(query, &token[..at]).err(), (at > 0).then_some(PageError::Foreign));
        }
    }

    #[test]
    fn sizes_are_bounded() {
        let query = Query::of([]);
        let longest = encode(query, &[7; MAX_POSITION]).unwrap();
        assert_eq!(decode(query, &longest), Ok(Some(vec![7; MAX_POSITION])));
        assert_eq!(encode(query, &[7; MAX_POSITION + 1]), Err(PageError::TooLong));
        assert_eq!(decode(query, &"A".repeat(5000)), Err(PageError::Foreign));
    }
}
