//! Transactions of nftables: tables, chains, sets and rules by nfnetlink (`linux/netfilter/nf_tables.h`).

mod expression;

use std::io;

use rustix::net::netlink::NETFILTER;

use crate::netlink::{APPEND, Attributes, CREATE, EXCLUSIVE, Message, Socket};

pub(crate) use expression::{Field, Hook, Register, Rule, Verdict};

/// `NFNL_SUBSYS_NFTABLES`
const SUBSYSTEM: u16 = 10;
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
const NEW_TABLE: u16 = 0;
const DELETE_TABLE: u16 = 2;
const NEW_CHAIN: u16 = 3;
const DELETE_CHAIN: u16 = 5;
const NEW_RULE: u16 = 6;
const DELETE_RULE: u16 = 8;
const NEW_SET: u16 = 9;
const NEW_ELEMENT: u16 = 12;
const DELETE_ELEMENT: u16 = 14;

/// `NFPROTO_INET`: IPv4 and IPv6 in one table.
const INET: u8 = 1;
/// `NFT_SET_MAP`
const MAP: u32 = 8;
/// `NFT_DATA_VERDICT`
const VERDICT: u32 = 0xffff_ff00;

/// What a set's keys or values are, for listings; the kernel goes by the length.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Address,
    Transport,
    Port,
    Mark,
    Interface,
}

impl Kind {
    /// As nft numbers it, and its bytes with the padding of a register.
    const fn layout(self) -> (u32, u32) {
        match self {
            Self::Address => (7, 4),
            Self::Transport => (12, 4),
            Self::Port => (13, 4),
            Self::Mark => (19, 4),
            Self::Interface => (41, 16),
        }
    }
}

/// What a set's keys lead to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    /// Nothing: a set.
    None,
    /// A mark.
    Mark(u32),
    /// A chain to go on in.
    Chain(&'a str),
}

/// Changes of one table, which take effect together or not at all.
#[derive(Debug)]
pub(crate) struct Transaction {
    table: String,
    messages: Vec<Message>,
    sets: u32,
}

impl Transaction {
    /// No change yet.
    pub(crate) fn of(table: &str) -> Self {
        Self { table: table.to_owned(), messages: vec![edge(BATCH_BEGIN)], sets: 0 }
    }

    /// The table is there and empty, whatever it was.
    pub(crate) fn replace_table(&mut self) {
        self.add_table();
        self.delete_table();
        self.add_table();
    }

    /// The table is gone; it must have been there.
    pub(crate) fn delete_table(&mut self) {
        let name = Attributes::new().string(1, &self.table);
        self.push(DELETE_TABLE, 0, &name);
    }

    /// The table is there.
    pub(crate) fn add_table(&mut self) {
        let name = Attributes::new().string(1, &self.table);
        self.push(NEW_TABLE, CREATE, &name);
    }

    /// The table is there, and was not before.
    pub(crate) fn add_new_table(&mut self) {
        let name = Attributes::new().string(1, &self.table);
        self.push(NEW_TABLE, CREATE | EXCLUSIVE, &name);
    }

    /// A chain that the kernel enters at a hook; what falls off its end is accepted.
    pub(crate) fn add_base_chain(&mut self, name: &str, kind: &str, hook: Hook, priority: i32) {
        let place = Attributes::new().big(1, hook as u32).big(2, priority.cast_unsigned());
        let chain = self.named(name).nest(4, &place).string(7, kind);
        self.push(NEW_CHAIN, CREATE, &chain);
    }

    /// A chain that rules lead to.
    pub(crate) fn add_chain(&mut self, name: &str) {
        let chain = self.named(name);
        self.push(NEW_CHAIN, CREATE, &chain);
    }

    /// The chain is gone; nothing may lead to it.
    pub(crate) fn delete_chain(&mut self, name: &str) {
        let chain = self.named(name);
        self.push(DELETE_CHAIN, 0, &chain);
    }

    /// The chain has no rules.
    pub(crate) fn flush_chain(&mut self, name: &str) {
        let chain = Attributes::new().string(1, &self.table).string(2, name);
        self.push(DELETE_RULE, 0, &chain);
    }

    /// One more rule at the end of a chain.
    pub(crate) fn add_rule(&mut self, chain: &str, rule: &Rule) {
        let rule = Attributes::new().string(1, &self.table).string(2, chain).nest(4, rule.expressions());
        self.push(NEW_RULE, CREATE | APPEND, &rule);
    }

    /// A set of keys, or a map with `value` as an example of what its keys lead to.
    pub(crate) fn add_set(&mut self, name: &str, key: &[Kind], value: Value<'_>) {
        let kind = key.iter().fold(0, |kind, part| kind << 6 | part.layout().0);
        let length = key.iter().map(|part| part.layout().1).sum();
        self.sets += 1;
        let set = Attributes::new().string(1, &self.table).string(2, name);
        let set = match value {
            Value::None => set.big(3, 0),
            Value::Mark(_) => set.big(3, MAP).big(6, Kind::Mark.layout().0).big(7, 4),
            Value::Chain(_) => set.big(3, MAP).big(6, VERDICT).big(7, 16),
        };
        let set = set.big(4, kind).big(5, length).big(10, self.sets);
        self.push(NEW_SET, CREATE, &set);
    }

    /// A key is in a set, with what it leads to.
    pub(crate) fn add_element(&mut self, set: &str, key: &[u8], value: Value<'_>) {
        let element = element(key);
        let element = match value {
            Value::None => element,
            Value::Mark(mark) => element.nest(2, &Attributes::new().put(1, &mark.to_ne_bytes())),
            Value::Chain(name) => element.nest(2, &expression::verdict(Verdict::Goto(name))),
        };
        self.push_element(NEW_ELEMENT, CREATE, set, &element);
    }

    /// A key is not in a set; it must have been.
    pub(crate) fn delete_element(&mut self, set: &str, key: &[u8]) {
        self.push_element(DELETE_ELEMENT, 0, set, &element(key));
    }

    /// Makes it so.
    pub(crate) fn commit(mut self, tables: &mut Tables) -> io::Result<()> {
        self.messages.push(edge(BATCH_END));
        tables.0.batch(&self.messages)
    }

    fn named(&self, chain: &str) -> Attributes {
        Attributes::new().string(1, &self.table).string(3, chain)
    }

    fn push_element(&mut self, kind: u16, flags: u16, set: &str, element: &Attributes) {
        let list = Attributes::new().nest(1, element);
        let change = Attributes::new().string(1, &self.table).string(2, set).nest(3, &list);
        self.push(kind, flags, &change);
    }

    fn push(&mut self, kind: u16, flags: u16, attributes: &Attributes) {
        self.messages.push(Message::new(SUBSYSTEM << 8 | kind, flags, &[INET, 0, 0, 0], attributes));
    }
}

/// A connection to nftables in one network namespace.
#[derive(Debug)]
pub(crate) struct Tables(Socket);

impl Tables {
    /// In the namespace of this thread.
    pub(crate) fn open() -> io::Result<Self> {
        Socket::open(Some(NETFILTER)).map(Self)
    }
}

fn element(key: &[u8]) -> Attributes {
    Attributes::new().nest(1, &Attributes::new().put(1, key))
}

fn edge(kind: u16) -> Message {
    let [high, low] = SUBSYSTEM.to_be_bytes();
    Message::new(kind, 0, &[0, 0, high, low], &Attributes::new())
}
