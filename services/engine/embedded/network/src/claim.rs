//! Which platform has a range of addresses: the one that made the table of the range's name first. Looking at the
//! routes is not enough, for two that begin together both see a range that is free.

use std::io;

use rustix::io::Errno;

use crate::Subnet;
use crate::nft::{Tables, Transaction};

/// Takes the range for the platform of this name; false where another has it. One that is ours already stays so.
pub(crate) fn take(tables: &mut Tables, range: Subnet, owner: &str) -> io::Result<bool> {
    let mut claim = Transaction::of(&table(range));
    claim.add_new_table();
    claim.add_chain(owner);
    match claim.commit(tables) {
        Err(error) if error.raw_os_error() == Some(Errno::EXIST.raw_os_error()) => {}
        made => return made.map(|()| true),
    }
    // the kernel refuses to empty a chain that is not there
    let mut question = Transaction::of(&table(range));
    question.flush_chain(owner);
    match question.commit(tables) {
        Err(error) if error.raw_os_error() == Some(Errno::NOENT.raw_os_error()) => Ok(false),
        answer => answer.map(|()| true),
    }
}

/// Gives it back, if it is this platform's.
pub(crate) fn release(tables: &mut Tables, range: Subnet, owner: &str) -> io::Result<()> {
    let mut change = Transaction::of(&table(range));
    change.flush_chain(owner);
    change.delete_table();
    match change.commit(tables) {
        Err(error) if error.raw_os_error() == Some(Errno::NOENT.raw_os_error()) => Ok(()),
        outcome => outcome,
    }
}

fn table(range: Subnet) -> String {
    let [a, b, c, d] = range.base().octets();
    format!("tf_range_{a}_{b}_{c}_{d}_{}", range.bits())
}
