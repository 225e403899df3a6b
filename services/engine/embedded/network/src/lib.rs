//! An address of its own for every instance on this machine.
