//! Rules: what of a packet is looked at, and what becomes of it.

use std::net::Ipv4Addr;

use crate::Subnet;
use crate::netlink::Attributes;

/// Where the kernel enters a chain (`enum nf_inet_hooks`).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hook {
    Prerouting = 0,
    Input = 1,
    Forward = 2,
    Postrouting = 4,
}

/// A register of four bytes; wider values and joined keys take the ones that follow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Register(pub(crate) u32);

impl Register {
    /// `NFT_REG_VERDICT`
    const VERDICT: u32 = 0;
    /// `NFT_REG32_00`
    const fn number(self) -> u32 {
        8 + self.0
    }
}

/// What can be read of a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field {
    /// 10 is IPv6, 2 is IPv4.
    Family,
    Transport,
    /// What a rule before this one marked the packet with.
    Mark,
    IncomingInterface,
    OutgoingInterface,
    Source,
    Destination,
    DestinationPort,
}

/// Where a packet goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict<'a> {
    Accept,
    Drop,
    /// Goes on in a chain, and comes back at its end.
    Jump(&'a str),
    /// Goes on in a chain for good.
    Goto(&'a str),
}

/// A rule: expressions that a packet must pass one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rule(Attributes);

impl Rule {
    /// Holds for every packet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// As attributes of the rule.
    pub(crate) const fn expressions(&self) -> &Attributes {
        &self.0
    }

    /// Reads a field into a register.
    pub(crate) fn load(self, field: Field, register: Register) -> Self {
        let meta = |key| Attributes::new().big(1, register.number()).big(2, key);
        let payload = |base, offset, length| {
            Attributes::new().big(1, register.number()).big(2, base).big(3, offset).big(4, length)
        };
        match field {
            Field::Mark => self.then("meta", &meta(3)),
            Field::IncomingInterface => self.then("meta", &meta(6)),
            Field::OutgoingInterface => self.then("meta", &meta(7)),
            Field::Family => self.then("meta", &meta(15)),
            Field::Transport => self.then("meta", &meta(16)),
            Field::Source => self.then("payload", &payload(1, 12, 4)),
            Field::Destination => self.then("payload", &payload(1, 16, 4)),
            Field::DestinationPort => self.then("payload", &payload(2, 2, 2)),
        }
    }

    /// Holds for packets whose field begins with these bytes.
    pub(crate) fn is(self, field: Field, value: &[u8]) -> Self {
        self.load(field, Register(0)).compare(0, value)
    }

    /// Holds for packets whose field does not begin with these bytes.
    pub(crate) fn differs(self, field: Field, value: &[u8]) -> Self {
        self.load(field, Register(0)).compare(1, value)
    }

    /// Holds for packets whose address is inside a range.
    pub(crate) fn inside(self, field: Field, range: Subnet) -> Self {
        let mask = Attributes::new().put(1, &range.mask().octets());
        let nothing = Attributes::new().put(1, &[0; 4]);
        let masked = register_pair(Register(0)).big(3, 4).nest(4, &mask).nest(5, &nothing);
        self.load(field, Register(0)).then("bitwise", &masked).compare(0, &range.base().octets())
    }

    /// Holds for packets of, or belonging to, connections that were let through before.
    pub(crate) fn known(self) -> Self {
        // ct state, masked with established and related
        let state = Attributes::new().big(1, Register(0).number()).big(2, 0);
        let mask = Attributes::new().put(1, &(2_u32 | 4).to_ne_bytes());
        let nothing = Attributes::new().put(1, &[0; 4]);
        let masked = register_pair(Register(0)).big(3, 4).nest(4, &mask).nest(5, &nothing);
        self.then("ct", &state).then("bitwise", &masked).compare(1, &[0; 4])
    }

    /// Holds for packets whose key, in the registers from this one on, is in a set.
    pub(crate) fn found(self, set: &str, key: Register) -> Self {
        self.then("lookup", &Attributes::new().string(1, set).big(2, key.number()))
    }

    /// Holds for packets whose key is not in a set.
    pub(crate) fn not_found(self, set: &str, key: Register) -> Self {
        self.then("lookup", &Attributes::new().string(1, set).big(2, key.number()).big(5, 1))
    }

    /// Marks the packet with what a map has for the key; does not hold where it has nothing.
    pub(crate) fn mark(self, map: &str, key: Register) -> Self {
        let lookup = Attributes::new().string(1, map).big(2, key.number()).big(3, key.number());
        self.then("lookup", &lookup).then("meta", &Attributes::new().big(2, 3).big(3, key.number()))
    }

    /// Goes where a map of chains says for the key.
    pub(crate) fn dispatch(self, map: &str, key: Register) -> Self {
        let lookup = Attributes::new().string(1, map).big(2, key.number()).big(3, Register::VERDICT);
        self.then("lookup", &lookup)
    }

    /// Holds for one packet of `n`, in turn.
    pub(crate) fn one_of(self, n: u32) -> Self {
        let turn = Attributes::new().big(1, Register(0).number()).big(2, n).big(3, 0).big(4, 0);
        self.then("numgen", &turn).compare(0, &0_u32.to_ne_bytes())
    }

    /// Ends with a verdict.
    pub(crate) fn verdict(self, verdict_: Verdict<'_>) -> Self {
        let immediate = Attributes::new().big(1, Register::VERDICT).nest(2, &verdict(verdict_));
        self.then("immediate", &immediate)
    }

    /// Ends with an answer that nothing listens there (ICMP port unreachable), which a caller sees at once.
    pub(crate) fn refuse(self) -> Self {
        // NFT_REJECT_ICMPX_UNREACH with NFT_REJECT_ICMPX_PORT_UNREACH
        self.then("reject", &Attributes::new().big(1, 2).put(2, &[1]))
    }

    /// Ends with this destination in place of the packet's.
    pub(crate) fn redirect(self, to: Ipv4Addr) -> Self {
        let value = Attributes::new().put(1, &to.octets());
        let load = Attributes::new().big(1, Register(0).number()).nest(2, &value);
        // NFT_NAT_DNAT of NFPROTO_IPV4
        let nat = Attributes::new().big(1, 1).big(2, 2).big(3, Register(0).number());
        self.then("immediate", &load).then("nat", &nat)
    }

    /// Ends with the address of the interface it leaves by in place of its source.
    pub(crate) fn masquerade(self) -> Self {
        self.then("masq", &Attributes::new())
    }

    fn compare(self, operation: u32, value: &[u8]) -> Self {
        let data = Attributes::new().put(1, value);
        self.then("cmp", &Attributes::new().big(1, Register(0).number()).big(2, operation).nest(3, &data))
    }

    fn then(self, name: &str, data: &Attributes) -> Self {
        Self(self.0.nest(1, &Attributes::new().string(1, name).nest(2, data)))
    }
}

/// A verdict as data.
pub(crate) fn verdict(verdict: Verdict<'_>) -> Attributes {
    let code = Attributes::new();
    let code = match verdict {
        Verdict::Drop => code.big(1, 0),
        Verdict::Accept => code.big(1, 1),
        Verdict::Jump(chain) => code.big(1, (-3_i32).cast_unsigned()).string(2, chain),
        Verdict::Goto(chain) => code.big(1, (-4_i32).cast_unsigned()).string(2, chain),
    };
    Attributes::new().nest(2, &code)
}

fn register_pair(register: Register) -> Attributes {
    Attributes::new().big(1, register.number()).big(2, register.number())
}
