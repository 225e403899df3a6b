//! `tool add`, `list`, `remove` and `renew`: through the socket of the server that runs, or on a directory that no server
//! runs on.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use api::config::v1::tools_client::ToolsClient;
use api::config::v1::{
    CreateToolRequest, DeleteToolRequest, ListToolsRequest, RenewCredentialsRequest, Tool as ToolMessage,
};
use clap::{Args, Subcommand};
use config_core::{Located, ToolName, Tools};
use mesh::client::Channel;

use super::{Directory, Ownership, admin};
use crate::{Addresses, Authority, Machine};

/// Where everything is kept.
#[derive(Args, Clone, Debug)]
pub struct Data {
    /// Directory of everything the platform keeps
    #[arg(long = "data", env = "TOOLFORGED_DATA", value_name = "DIR", default_value = "./.toolforge")]
    pub directory: PathBuf,
}

/// What administrators do with tools.
#[derive(Args, Debug)]
pub struct Tool {
    /// What is done.
    #[command(subcommand)]
    pub command: ToolCommand,
}

/// One of them.
#[derive(Subcommand, Debug)]
pub enum ToolCommand {
    /// Create a tool and print the path of its home
    #[command(after_help = "Example:\n  HOME=$(toolforged tool add alpha | tail -n 1) toolforge jobs list")]
    Add {
        /// Name: lower case letters, digits and '-'
        name: String,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// List tools with their homes
    List {
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Remove a tool: stop its jobs and refuse its certificate
    Remove {
        /// Name of the tool
        name: String,
        /// Delete its home too
        #[arg(long)]
        delete_home: bool,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Give a tool a new certificate and refuse the former one
    Renew {
        /// Name of the tool
        name: String,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
}

impl Tool {
    /// Does it, and prints what there is to say.
    pub fn run(self) -> Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let lines = runtime.block_on(self.lines())?;
        let mut stdout = std::io::stdout().lock();
        for line in lines {
            writeln!(stdout, "{line}")?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What is printed; of a tool that was added, its home comes last.
    async fn lines(self) -> Result<Vec<String>> {
        match self.command {
            ToolCommand::Add { name, data } => {
                let tool = with(&data, Call::Add(name)).await?.pop().context("no tool in the answer")?;
                Ok(vec![tool.home])
            }
            ToolCommand::List { data } => Ok(table(&with(&data, Call::List).await?)),
            ToolCommand::Remove { name, delete_home, data } => {
                with(&data, Call::Remove(name, delete_home)).await?;
                Ok(Vec::new())
            }
            ToolCommand::Renew { name, data } => {
                with(&data, Call::Renew(name)).await?;
                Ok(Vec::new())
            }
        }
    }
}

fn table(tools: &[ToolMessage]) -> Vec<String> {
    let width = tools.iter().map(|tool| tool.name.len()).chain([4]).max().unwrap_or_default();
    let row = |name: &str, id: &str, home: &str| format!("{name:width$}  {id:7}  {home}");
    let rows = tools.iter().map(|tool| row(&tool.name, &tool.unix_id.to_string(), &tool.home));
    [row("NAME", "UID", "HOME")].into_iter().chain(rows).collect()
}

enum Call {
    Add(String),
    List,
    Remove(String, bool),
    Renew(String),
}

async fn with(data: &Data, call: Call) -> Result<Vec<ToolMessage>> {
    let directory = Directory::open(&data.directory)?;
    match directory.own()? {
        Ownership::Ours(_owned) => at_rest(&directory, call).await,
        Ownership::Theirs(pid) => {
            let (_held, channel) = admin::connect(&directory)?;
            let answer = running(ToolsClient::new(channel), call).await;
            answer.map_err(|status| match pid {
                Some(pid) if status.code() == tonic::Code::Unavailable => {
                    anyhow::anyhow!("process {pid} holds the data directory and does not answer yet: try again in a moment")
                }
                _ => anyhow::anyhow!("{}", status.message()),
            })
        }
    }
}

async fn running(mut tools: ToolsClient<Channel>, call: Call) -> Result<Vec<ToolMessage>, tonic::Status> {
    Ok(match call {
        Call::Add(name) => {
            let request = CreateToolRequest { name, request_id: None };
            tools.create_tool(request).await?.into_inner().tool.into_iter().collect()
        }
        Call::List => tools.list_tools(ListToolsRequest::default()).await?.into_inner().tools,
        Call::Remove(name, delete_home) => {
            let request = DeleteToolRequest { name, delete_home: Some(delete_home), request_id: None };
            tools.delete_tool(request).await?;
            Vec::new()
        }
        Call::Renew(name) => {
            let response = tools.renew_credentials(RenewCredentialsRequest { name }).await?;
            response.into_inner().tool.into_iter().collect()
        }
    })
}

async fn at_rest(directory: &Directory, call: Call) -> Result<Vec<ToolMessage>> {
    let tools = tools_at_rest(directory)?;
    let name = |name: String| name.parse::<ToolName>();
    Ok(match call {
        Call::Add(text) => vec![message(&tools.create(&name(text)?, None).await?)],
        Call::List => tools.list().await?.iter().map(message).collect(),
        Call::Remove(text, delete_home) => {
            tools.remove(&name(text)?, delete_home, None).await?;
            Vec::new()
        }
        Call::Renew(text) => vec![message(&tools.renew(&name(text)?).await?)],
    })
}

fn message(located: &Located) -> ToolMessage {
    ToolMessage {
        name: located.tool.name.to_string(),
        unix_id: located.tool.unix_id,
        home: located.home.display().to_string(),
        ..ToolMessage::default()
    }
}

/// The tools of a directory that no server runs on. Until the next start nobody knows the addresses; it writes them into
/// every home.
fn tools_at_rest(directory: &Directory) -> Result<Tools> {
    let authority = Authority::open(&directory.pki(), Arc::new(Machine), || {}).context("certificates")?;
    let nowhere = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let addresses = Addresses {
        gateway: format!("https://{}", nowhere(30003)),
        ca_file: authority.clients_file(),
        publish_url_template: "http://{tool_name}.localhost:30000".to_owned(),
    };
    super::tools(directory, &Arc::new(authority), addresses, None)
}
