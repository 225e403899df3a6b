//! In which order members come: what followed a member once will follow it again in the next object of the list.

use crate::schema::Message;

/// What followed which member last. A guess that is wrong costs a look at the name and no more, so members share slots.
#[derive(Debug)]
pub(super) struct Order {
    /// Some member did not follow in the schema's order.
    strays: bool,
    slots: [Slot; Self::SLOTS],
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// Of the member that it is about; zero where it is about none.
    key: u32,
    next: u16,
}

/// The last member of an object that was read, in the order's terms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last {
    message: u32,
    member: u16,
}

impl Last {
    /// Before the first member.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "a key that two share is only a wrong guess")]
    pub(super) fn none(message: &Message) -> Self {
        // where it lies tells one message of the schema from others
        let place = std::ptr::from_ref(message) as usize as u32;
        Self { message: (place >> 3).wrapping_mul(0x9e37_79b1) | 1, member: u16::MAX }
    }

    /// Behind another member.
    #[inline]
    pub(super) fn then(self, member: u16) -> Self {
        Self { member, ..self }
    }

    #[inline]
    fn key(self) -> u32 {
        self.message.wrapping_add(u32::from(self.member) << 1)
    }
}

impl Order {
    const SLOTS: usize = 64;

    pub(super) fn new() -> Self {
        Self { strays: false, slots: [Slot::default(); Self::SLOTS] }
    }

    /// The member that is likely to follow: the next one of the schema, if nothing else is known.
    #[inline]
    pub(super) fn guess(&self, last: Last) -> u16 {
        if self.strays {
            let key = last.key();
            let slot = self.slots[place(key)];
            if slot.key == key {
                return slot.next;
            }
        }
        last.member.wrapping_add(1)
    }

    /// Notes what did follow, where the guess was another.
    #[inline(never)]
    pub(super) fn note(&mut self, last: Last, next: u16) {
        let key = last.key();
        self.strays = true;
        self.slots[place(key)] = Slot { key, next };
    }
}

#[inline]
fn place(key: u32) -> usize {
    (key >> 1) as usize % Order::SLOTS
}

#[cfg(test)]
mod tests {
    //! What is guessed before and after an order was seen.

    use super::*;

    #[test]
    fn the_schema_is_followed_until_another_order_was_seen() {
        let (one, other) = (Message::default(), Message::default());
        let mut order = Order::new();
        let begin = Last::none(&one);
        assert_eq!((order.guess(begin), order.guess(begin.then(3))), (0, 4));
        order.note(begin, 2);
        order.note(begin.then(2), 0);
        assert_eq!((order.guess(begin), order.guess(begin.then(2)), order.guess(begin.then(0))), (2, 0, 1));
        assert_eq!(order.guess(Last::none(&other)), 0, "another message has an order of its own");
    }
}
