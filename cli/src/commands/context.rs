//! `toolforge context`: nothing here talks to a server.

use std::path::{Path, PathBuf};

use crate::args::Global;
use crate::args::context::{Add, Contexts as Command};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::settings::Address;
use crate::settings::contexts::{Context, Contexts, KUBECONFIG};
use crate::table::columns;

/// Runs it.
pub(crate) fn run(
    command: Command,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<(), Failure> {
    let mut contexts = Contexts::read(environment).map_err(Failure::user)?;
    match command {
        Command::List => return list(&contexts, printer),
        Command::Use { name } => {
            contexts.choose(&name).map_err(Failure::user)?;
            contexts.write().map_err(Failure::user)?;
            printer.info(format_args!("the current context is {name:?}"));
        }
        Command::Add(add) => {
            let context = context(add, global)?;
            let name = context.name.clone();
            let what = if contexts.put(context) { "replaced" } else { "added" };
            contexts.write().map_err(Failure::user)?;
            printer.info(format_args!(
                "{what} the context {name:?}; `toolforge context use {name}` makes it the current one"
            ));
        }
        Command::Remove { name } => {
            contexts.remove(&name).map_err(Failure::user)?;
            contexts.write().map_err(Failure::user)?;
            printer.info(format_args!("removed the context {name:?}"));
        }
    }
    Ok(())
}

fn list(contexts: &Contexts, printer: &Printer) -> Result<(), Failure> {
    let mark = |name: &str| if name == contexts.current_name() { "*" } else { " " }.to_owned();
    let mut rows = vec![vec![mark(KUBECONFIG), KUBECONFIG.into(), String::new(), String::new()]];
    rows.extend(contexts.others.iter().map(|context| {
        let Context { name, tool, url, .. } = context;
        vec![mark(name), name.clone(), tool.clone(), url.clone()]
    }));
    printer.line(columns(&["CURRENT", "NAME", "TOOL", "URL"], &rows))
}

fn context(add: Add, global: &Global) -> Result<Context, Failure> {
    let Add { name, url, certificate, key, token_file } = add;
    let tool = global
        .tool
        .clone()
        .ok_or_else(|| Failure::Usage("error: a context needs a tool: give --tool NAME".into()))?;
    if name == KUBECONFIG {
        return Err(Failure::user(format!(
            "the context {KUBECONFIG:?} is always there and cannot be replaced"
        )));
    }
    if certificate.is_none() && token_file.is_none() {
        return Err(Failure::Usage(
            "error: a context needs --certificate with --key, or --token-file".into(),
        ));
    }
    Address::parse(&url).map_err(Failure::user)?;
    Ok(Context {
        name,
        url,
        tool,
        ca_file: absolute(global.ca_file.as_deref())?,
        certificate: absolute(certificate.as_deref())?,
        key: absolute(key.as_deref())?,
        token_file: absolute(token_file.as_deref())?,
    })
}

/// The file, found again from another directory.
fn absolute(path: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    let resolve = |path: &Path| {
        path.canonicalize().map_err(|error| Failure::user(format!("{}: {error}", path.display())))
    };
    path.map(resolve).transpose()
}
