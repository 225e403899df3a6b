//! Which tool a request means, by its host (RFC 9112 3.2, RFC 9110 7.2).

use http::request::Parts;
use http::{Version, header};

/// Why a request names no host.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unclear {
    /// None at all, where one is required.
    Missing,
    /// Several, or one that is not a host.
    Invalid,
}

/// The host a request means, as it was sent, port included.
pub(crate) fn authority(parts: &Parts) -> Result<&str, Unclear> {
    let mut fields = parts.headers.get_all(header::HOST).iter();
    let field = fields.next();
    if fields.next().is_some() {
        return Err(Unclear::Invalid);
    }
    // a target that names a host wins over the field
    if let Some(authority) = parts.uri.authority() {
        let plain = !authority.as_str().contains('@');
        return if plain { Ok(authority.as_str()) } else { Err(Unclear::Invalid) };
    }
    let Some(field) = field else {
        return if parts.version == Version::HTTP_10 { Ok("") } else { Err(Unclear::Missing) };
    };
    let text = field.to_str().map_err(|_| Unclear::Invalid)?;
    let ordinary = |c: u8| c.is_ascii_alphanumeric() || b"-._~%:[]".contains(&c);
    if text.bytes().all(ordinary) { Ok(text) } else { Err(Unclear::Invalid) }
}

/// The tool in front of one of the domains, in lower case as they are; none where the host is another.
pub(crate) fn tool(authority: &str, domains: &[String]) -> Option<String> {
    let end = authority.rfind(':').filter(|colon| !authority[*colon..].contains(']'));
    let host = authority[..end.unwrap_or(authority.len())].trim_end_matches('.').to_ascii_lowercase();
    domains.iter().find_map(|domain| {
        let tool = host.strip_suffix(domain.as_str())?.strip_suffix('.')?;
        (!tool.is_empty() && !tool.contains('.')).then(|| tool.to_owned())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use http::Request;

    fn parts(target: &str, hosts: &[&str], version: Version) -> Parts {
        let mut request = Request::builder().uri(target).version(version);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn one_host_is_meant() {
        let v11 = Version::HTTP_11;
        let one = |target, hosts: &[&str]| authority(&parts(target, hosts, v11)).map(str::to_owned);
        assert_eq!(one("/", &["alpha.localhost:80"]).unwrap(), "alpha.localhost:80");
        assert_eq!(one("http://beta.localhost/x", &["alpha.localhost"]).unwrap(), "beta.localhost");
        assert_eq!(one("/", &[]), Err(Unclear::Missing));
        assert_eq!(one("/", &["a", "a"]), Err(Unclear::Invalid));
        for bad in ["a b", "a/b", "a,b", "u@a", "a\"", "<a>"] {
            assert_eq!(one("/", &[bad]), Err(Unclear::Invalid), "{bad}");
        }
        assert_eq!(one("http://user@beta.localhost/", &["beta.localhost"]), Err(Unclear::Invalid));
        assert_eq!(authority(&parts("/", &[], Version::HTTP_10)), Ok(""));
    }

    #[test]
    fn the_tool_is_the_one_label_before_a_domain() {
        let domains = ["localhost".to_owned(), "tools.example.org".to_owned()];
        let tool = |host| tool(host, &domains);
        assert_eq!(tool("alpha.localhost").unwrap(), "alpha");
        assert_eq!(tool("ALPHA.localhost.:30000").unwrap(), "alpha");
        assert_eq!(tool("alpha.Tools.example.org").unwrap(), "alpha");
        for other in [
            "localhost",
            ".localhost",
            "a.b.localhost",
            "alphalocalhost",
            "alpha.local",
            "",
            "[::1]:80",
            ":80",
        ] {
            assert_eq!(tool(other), None, "{other}");
        }
    }
}
