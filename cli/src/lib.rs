//! toolforge: the command line of the platform.
