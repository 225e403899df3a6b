//! Settings, a connection and a printer: what every command that talks to the platform needs.

use std::sync::OnceLock;

use api::jobs::v1::Messages;
use api::jobs::v1::images_client::ImagesClient;
use api::jobs::v1::jobs_client::JobsClient;
use api::jobs::v1::quotas_client::QuotasClient;
use api::jobs::v1::runs_client::RunsClient;
use api::logs::v1::logs_client::LogsClient;
use prost::Message;
use tonic::Request;

use crate::args::output::Machine;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::settings::Settings;
use crate::transport::{Channel, ConnectError};
use crate::value::{json, tree, yaml};
use crate::view::Public;

/// The largest reply that is read, in bytes.
const MAX_REPLY: usize = 64 << 20;

/// A command's side of the conversation.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    /// What it acts on.
    pub(crate) settings: Settings,
    /// Where it prints.
    pub(crate) printer: &'a Printer,
    channel: OnceLock<Channel>,
}

impl<'a> Session<'a> {
    /// A session that connects with its first call.
    pub(crate) fn new(settings: Settings, printer: &'a Printer) -> Self {
        Self { settings, printer, channel: OnceLock::new() }
    }

    /// The tool.
    pub(crate) fn tool(&self) -> String {
        self.settings.tool.clone()
    }

    /// Where published jobs are found.
    pub(crate) fn public(&self) -> Public<'_> {
        Public { tool: &self.settings.tool, template: &self.settings.publish_url_template }
    }

    /// Calls about jobs.
    pub(crate) async fn jobs(&self) -> Result<JobsClient<Channel>, Failure> {
        Ok(JobsClient::new(self.channel().await?).max_decoding_message_size(MAX_REPLY))
    }

    /// Calls about runs.
    pub(crate) async fn runs(&self) -> Result<RunsClient<Channel>, Failure> {
        Ok(RunsClient::new(self.channel().await?).max_decoding_message_size(MAX_REPLY))
    }

    /// Calls about images.
    pub(crate) async fn images(&self) -> Result<ImagesClient<Channel>, Failure> {
        Ok(ImagesClient::new(self.channel().await?).max_decoding_message_size(MAX_REPLY))
    }

    /// Calls about quotas.
    pub(crate) async fn quotas(&self) -> Result<QuotasClient<Channel>, Failure> {
        Ok(QuotasClient::new(self.channel().await?).max_decoding_message_size(MAX_REPLY))
    }

    /// Calls about logs.
    pub(crate) async fn logs(&self) -> Result<LogsClient<Channel>, Failure> {
        Ok(LogsClient::new(self.channel().await?).max_decoding_message_size(MAX_REPLY))
    }

    /// A request that may take as long as the settings say.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.settings.timeout);
        request
    }

    /// Waits for an answer as long as the settings say.
    pub(crate) async fn answer<T>(
        &self,
        call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    ) -> Result<T, Failure> {
        let limit = self.settings.timeout;
        let late = |_| Failure::service(format!("the service has not answered within {} s", limit.as_secs()));
        Ok(tokio::time::timeout(limit, call).await.map_err(late)??.into_inner())
    }

    /// A new connection, where the former one broke.
    pub(crate) async fn reconnect(&mut self) -> Result<(), Failure> {
        self.channel.take();
        self.channel().await.map(drop)
    }

    /// Prints what the server wants the user to know.
    pub(crate) fn messages(&self, messages: Option<&Messages>) -> Result<(), Failure> {
        let Some(messages) = messages else { return Ok(()) };
        for text in &messages.info {
            self.printer.server_info(text)?;
        }
        self.warnings(Some(messages));
        Ok(())
    }

    /// Prints what the server warns of.
    pub(crate) fn warnings(&self, messages: Option<&Messages>) {
        for text in messages.into_iter().flat_map(|messages| &messages.warning) {
            self.printer.server_warning(text);
        }
    }

    /// Prints a reply for programs, as REST gives it.
    pub(crate) fn machine<M: Message>(&self, format: Machine, name: &str, reply: &M) -> Result<(), Failure> {
        let tree = tree(name, reply)?;
        match format {
            Machine::Json => self.printer.line(json(&tree)),
            Machine::Yaml => self.printer.bytes(yaml(&tree).as_bytes()),
        }
    }

    async fn channel(&self) -> Result<Channel, Failure> {
        if let Some(channel) = self.channel.get() {
            return Ok(channel.clone());
        }
        let Settings { address, tool, trust, .. } = &self.settings;
        self.printer.detail(format_args!("connecting to {address} for the tool {tool}, trusting {trust:?}"));
        let channel = Channel::connect(&self.settings).await.map_err(explain)?;
        Ok(self.channel.get_or_init(|| channel).clone())
    }
}

fn explain(error: ConnectError) -> Failure {
    match error {
        ConnectError::Unreachable { .. } => Failure::down(error.to_string()),
        ConnectError::Untrusted(..) => Failure::user(format!(
            "{error}\nSet api_gateway.ca_file in ~/.toolforge.yaml to its authority, or give --ca-file FILE."
        )),
        ConnectError::Unusable(why) => Failure::user(why),
    }
}
