//! The hosts file of a tool's instances: how a job finds another by name (contract 8.3).

use std::fmt::Write as _;
use std::net::Ipv4Addr;

/// What every hosts file begins with.
const LOCAL: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

/// One line of a hosts file.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) address: Ipv4Addr,
    pub(crate) tool: &'a str,
    pub(crate) job: &'a str,
}

/// The file for instances of `tool`: its own jobs also by their short names, others by those that tell the tool.
pub(crate) fn render<'a>(tool: &str, domain: &str, entries: impl Iterator<Item = Entry<'a>>) -> String {
    let mut file = LOCAL.to_owned();
    for Entry { address, tool: owner, job } in entries {
        let name = format!("{job}.tool-{owner}");
        // a String takes everything that is written to it
        let _ = write!(file, "{address}\t{name}.svc.{domain} {name}.svc {name}");
        if owner == tool && job != "localhost" {
            let _ = write!(file, " {job}");
        }
        file.push('\n');
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_has_its_long_and_short_names() {
        let address = Ipv4Addr::new(10, 90, 128, 1);
        let entries = [
            Entry { address, tool: "alpha", job: "web" },
            Entry { address, tool: "beta", job: "db" },
            Entry { address, tool: "alpha", job: "localhost" },
        ];
        let file = render("alpha", "tools.local", entries.into_iter());
        let lines: Vec<_> = file.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "10.90.128.1\tweb.tool-alpha.svc.tools.local web.tool-alpha.svc web.tool-alpha web",
                "10.90.128.1\tdb.tool-beta.svc.tools.local db.tool-beta.svc db.tool-beta",
                "10.90.128.1\tlocalhost.tool-alpha.svc.tools.local localhost.tool-alpha.svc localhost.tool-alpha",
            ]
        );
        assert!(file.starts_with("127.0.0.1\tlocalhost\n::1\t"));
    }
}
