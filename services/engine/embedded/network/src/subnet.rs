//! Ranges of IPv4 addresses, and how a platform divides its own.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// A range of IPv4 addresses, written `10.90.0.0/16` (RFC 4632).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subnet {
    base: u32,
    bits: u8,
}

impl Subnet {
    /// The range with this many leading bits in common with `address`; bits beyond 32 count as 32.
    pub const fn new(address: Ipv4Addr, bits: u8) -> Self {
        let bits = if bits > 32 { 32 } else { bits };
        Self { base: address.to_bits() & mask(bits), bits }
    }

    /// The first address.
    pub const fn base(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.base)
    }

    /// How many leading bits are fixed.
    pub const fn bits(self) -> u8 {
        self.bits
    }

    /// The netmask.
    pub const fn mask(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(mask(self.bits))
    }

    /// Whether the address is inside.
    pub const fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits() & mask(self.bits) == self.base
    }

    /// Whether an address is inside both.
    pub const fn overlaps(self, other: Self) -> bool {
        let shorter = if self.bits < other.bits { self.bits } else { other.bits };
        self.base & mask(shorter) == other.base & mask(shorter)
    }

    /// How many addresses a half has.
    const fn half(self) -> u32 {
        1 << (31 - self.bits)
    }

    /// The host's own address in every instance's network: the first after the base.
    pub(crate) const fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.base + 1)
    }

    /// The upper half: addresses of services.
    pub(crate) const fn services(self) -> Self {
        Self { base: self.base + self.half(), bits: self.bits + 1 }
    }

    /// The n-th address, where it is one of the lower half that an instance can have.
    pub(crate) const fn instance(self, index: u32) -> Option<Ipv4Addr> {
        if index >= 2 && index < self.half() { Some(Ipv4Addr::from_bits(self.base + index)) } else { None }
    }

    /// The number of an address inside.
    pub(crate) const fn index(self, address: Ipv4Addr) -> u32 {
        address.to_bits() - self.base
    }

    /// The first number from `after` on, around the range `first..end`, that is free.
    pub(crate) fn free(first: u32, end: u32, after: u32, taken: impl Fn(u32) -> bool) -> Option<u32> {
        let start = if (first..end).contains(&after) { after } else { first };
        (start..end).chain(first..start).find(|index| !taken(*index))
    }

    /// The number after the last that an instance can have; services have this one and those after it.
    pub(crate) const fn instances_end(self) -> u32 {
        self.half()
    }
}

const fn mask(bits: u8) -> u32 {
    if bits == 0 { 0 } else { u32::MAX << (32 - bits) }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base(), self.bits)
    }
}

impl FromStr for Subnet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a range such as 10.90.0.0/16");
        let (address, bits) = text.split_once('/').ok_or_else(wrong)?;
        let address: Ipv4Addr = address.parse().map_err(|_| wrong())?;
        let bits: u8 = bits.parse().ok().filter(|bits| *bits <= 32).ok_or_else(wrong)?;
        let range = Self::new(address, bits);
        if range.base() == address {
            Ok(range)
        } else {
            Err(format!("{text:?} does not begin at its first address"))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn ranges_are_read_and_written_alike() {
        for text in ["10.90.0.0/16", "0.0.0.0/0", "192.0.2.7/32"] {
            assert_eq!(text.parse::<Subnet>().unwrap().to_string(), text);
        }
        for text in ["10.90.0.0", "10.90.0.0/33", "10.90.0.1/16", "10.90.0/16", "/", "a/8", "10.0.0.0/-1"] {
            assert!(text.parse::<Subnet>().is_err(), "{text}");
        }
    }

    #[test]
    fn overlap_is_found_in_both_directions() {
        let wide: Subnet = "10.0.0.0/8".parse().unwrap();
        let narrow: Subnet = "10.90.0.0/16".parse().unwrap();
        let other: Subnet = "10.91.0.0/16".parse().unwrap();
        assert!(wide.overlaps(narrow) && narrow.overlaps(wide));
        assert!(!narrow.overlaps(other) && !other.overlaps(narrow));
        assert!(Subnet::new(Ipv4Addr::UNSPECIFIED, 0).overlaps(other));
    }

    #[test]
    fn a_platform_has_a_gateway_instances_and_services() {
        let range: Subnet = "10.90.0.0/16".parse().unwrap();
        assert_eq!(range.gateway().to_string(), "10.90.0.1");
        assert_eq!(range.services().to_string(), "10.90.128.0/17");
        assert_eq!(range.instance(1), None);
        assert_eq!(range.instance(2).unwrap().to_string(), "10.90.0.2");
        assert_eq!(range.instance(0x7fff).unwrap().to_string(), "10.90.127.255");
        assert_eq!(range.instance(0x8000), None);
    }

    #[test]
    fn free_numbers_go_round_before_they_come_again() {
        assert_eq!(Subnet::free(2, 6, 4, |_| false), Some(4));
        assert_eq!(Subnet::free(2, 6, 4, |n| n >= 4), Some(2));
        assert_eq!(Subnet::free(2, 6, 6, |_| false), Some(2));
        assert_eq!(Subnet::free(2, 6, 3, |_| true), None);
    }
}
