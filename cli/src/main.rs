//! toolforge: the command line of the platform.

mod args;
mod commands;
mod environment;
mod failure;
mod payload;
mod plugin;
mod printer;
mod session;
mod settings;
mod table;
mod text;
mod transport;
mod value;
mod view;
mod words;

use std::process::ExitCode;

use environment::Environment;

fn main() -> ExitCode {
    let environment = Environment::read();
    commands::run(&environment)
}
