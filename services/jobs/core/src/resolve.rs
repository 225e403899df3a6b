//! From a definition to what runs: every default filled, in one place for replies and for the engine.

#[cfg(test)]
mod tests;
mod workload;

use crate::{
    Cpu, Definition, DefinitionInput, Emails, Footprint, JobType, Memory, Mount, Origin, PortProtocol,
    Publish, ResolvedImage, Site, ToolName, Violations,
};

/// A definition with its defaults, together with the image they depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The image.
    pub image: ResolvedImage,
    /// Whether output goes to files.
    pub filelog: bool,
    /// The absolute path of the standard output's file, where it goes to one.
    pub filelog_stdout: Option<String>,
    /// The absolute path of the standard error's file, where it goes to one.
    pub filelog_stderr: Option<String>,
    /// Which file systems the job sees.
    pub mount: Mount,
    /// When mail is wanted.
    pub emails: Emails,
    /// Memory limit.
    pub memory: Memory,
    /// Processor as it is shown.
    pub cpu: Cpu,
    /// Processor limit.
    pub cpu_limit: Cpu,
    /// The port it listens on; of a webservice always one.
    pub port: Option<u16>,
    /// The port's transport.
    pub port_protocol: PortProtocol,
    /// How many instances.
    pub replicas: u32,
    /// Tries after a failure.
    pub retry: u32,
    /// Seconds after which a run is ended, 0 for never.
    pub timeout: u32,
    /// Whether it is published under the tool's host.
    pub published: bool,
}

impl Resolved {
    /// Fills in the defaults, and refuses what the image does not allow.
    pub fn new(
        definition: &Definition,
        tool: &ToolName,
        image: ResolvedImage,
        site: &Site,
    ) -> Result<Self, Violations> {
        let mut wrong = Violations::default();
        let resolved = Self::fill(definition, tool, image, site);
        let built = resolved.image.origin == Origin::Built;
        let web = definition.job_type == JobType::Webservice;
        if definition.mount == Some(Mount::None) && !built {
            wrong.add_rule("mount", "Mount type none is only supported for build service images");
        }
        if web && !built && resolved.image.web.is_none() && definition.cmd.is_none() {
            wrong.add_rule("cmd", "selected image requires that you specify a command");
        }
        resolved.check_command(definition, &mut wrong);
        wrong.into_result(resolved)
    }

    /// Fills in the defaults (contract 3.7 to 3.9, 3.14); what was accepted once is not refused again.
    pub fn fill(definition: &Definition, tool: &ToolName, image: ResolvedImage, site: &Site) -> Self {
        let built = image.origin == Origin::Built;
        let web = definition.job_type == JobType::Webservice;
        let filelog = !web && definition.filelog.unwrap_or(!built);
        Self {
            filelog,
            filelog_stdout: filelog.then(|| log_path(definition, tool, site, "out")),
            filelog_stderr: filelog.then(|| log_path(definition, tool, site, "err")),
            mount: definition.mount.unwrap_or_else(|| default_mount(built, filelog)),
            emails: definition.emails.unwrap_or(Emails::None),
            memory: definition.memory.unwrap_or_else(|| default_memory(web, &image)),
            cpu: definition.cpu.unwrap_or(Cpu::DEFAULT),
            cpu_limit: definition.cpu.unwrap_or(site.default_cpu_limit),
            port: definition.port.or_else(|| web.then(|| default_port(&image))),
            port_protocol: definition.port_protocol.unwrap_or(PortProtocol::Tcp),
            replicas: definition.replicas.unwrap_or(1),
            retry: definition.retry.unwrap_or(0),
            timeout: definition.timeout.unwrap_or(0),
            published: definition.is_published(),
            image,
        }
    }

    /// What one instance holds, times the instances.
    pub fn footprint(&self, job_type: JobType) -> Footprint {
        let pods = if job_type.is_always() { u64::from(self.replicas) } else { 1 };
        Footprint { pods, cpu: self.cpu_limit.times(pods), memory: self.memory.times(pods) }
    }

    /// The definition with its defaults as raw values, for `include_unset=true` (contract 3.3).
    pub fn filled_fields(&self, definition: &Definition) -> DefinitionInput {
        let job_type = definition.job_type;
        let runs = !job_type.is_always();
        let mut fields = definition.to_input();
        if job_type != JobType::Webservice {
            fields.filelog = Some(self.filelog);
            fields.filelog_stdout.clone_from(&self.filelog_stdout);
            fields.filelog_stderr.clone_from(&self.filelog_stderr);
        }
        fields.emails = Some(self.emails.to_string());
        fields.mount = Some(self.mount.to_string());
        fields.memory = Some(self.memory.to_string());
        fields.cpu = Some(self.cpu.to_string());
        fields.retry = runs.then(|| i64::from(self.retry));
        fields.timeout = (job_type == JobType::Scheduled).then(|| i64::from(self.timeout));
        fields.replicas = job_type.is_always().then(|| i64::from(self.replicas));
        if job_type == JobType::Continuous {
            fields.port_protocol = Some(self.port_protocol.to_string());
            let publish = definition.publish.unwrap_or(Publish::No);
            fields.publish = Some(publish.as_str().to_owned());
        }
        fields
    }
}

/// Files need a file system: a built image that asks for them gets one (without this they had nowhere to go, T429907).
const fn default_mount(built: bool, filelog: bool) -> Mount {
    if built && !filelog { Mount::None } else { Mount::All }
}

fn default_memory(web: bool, image: &ResolvedImage) -> Memory {
    let of_image = image.web.as_ref().filter(|_| web).and_then(|web| web.memory.as_deref());
    of_image.and_then(|text| Memory::parse(text).ok()).unwrap_or(Memory::DEFAULT)
}

/// The port of webservices whose image names none (contract 3.14).
fn default_port(image: &ResolvedImage) -> u16 {
    image.web.as_ref().map_or(8000, |web| web.port)
}

fn log_path(definition: &Definition, tool: &ToolName, site: &Site, suffix: &str) -> String {
    let given = if suffix == "out" { &definition.filelog_stdout } else { &definition.filelog_stderr };
    let home = site.home(tool);
    match given {
        Some(path) if path.starts_with('/') => path.clone(),
        Some(path) => format!("{home}/{path}"),
        None => format!("{home}/{}.{suffix}", definition.name),
    }
}
