//! What beats what, and what each mistake is told as.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;

const USER_WITH_FILES: &str =
    "client-certificate: ../.toolskube/client.crt, client-key: ../.toolskube/client.key";

/// A home as the platform makes it.
struct Home {
    dir: TempDir,
    environment: Environment,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let environment = Environment { home: Some(dir.path().to_owned()), ..Environment::default() };
        let home = Self { dir, environment };
        home.kubeconfig("tool-alpha", USER_WITH_FILES);
        home.write(".toolskube/client.crt", "chain");
        home.write(".toolskube/client.key", "key");
        home.write(".toolforge.yaml", "api_gateway: {url: 'https://127.0.0.1:30003', ca_file: ca.pem}\n");
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn kubeconfig(&self, namespace: &str, user: &str) {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: toolforge\n\
             clusters: [{{name: toolforge, cluster: {{server: 'https://127.0.0.1:6443'}}}}]\n\
             contexts: [{{name: toolforge, context: {{cluster: toolforge, namespace: {namespace}, user: u}}}}]\n\
             users: [{{name: u, user: {{{user}}}}}]\n"
        );
        self.write(".kube/config", &text);
    }

    fn resolve(&self, global: &Global) -> Result<Settings, Failure> {
        Settings::resolve(global, &self.environment)
    }

    fn settings(&self) -> Settings {
        self.resolve(&Global::default()).unwrap()
    }

    fn refusal(&self) -> String {
        match self.resolve(&Global::default()) {
            Err(Failure::User(text)) => text,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_home_as_the_platform_makes_it_is_enough() {
    let home = Home::new();
    let settings = home.settings();
    assert_eq!(settings.tool, "alpha");
    assert_eq!(settings.address, Address { host: "127.0.0.1".into(), port: 30003, tls: true });
    assert_eq!(settings.trust, Trust::Authority(home.path("ca.pem")));
    assert_eq!(settings.timeout, Duration::from_mins(1));
    assert_eq!(settings.publish_url_template, "https://{tool_name}.toolforge.org");
    let Credentials::Certificate { chain, key, .. } = settings.credentials else { panic!("no certificate") };
    assert_eq!((&*chain, &*key), (b"chain".as_slice(), b"key".as_slice()));
}

#[test]
fn a_later_file_replaces_whole_sections() {
    let mut home = Home::new();
    home.write(".config/toolforge.yaml", "jobs: {timeout: 5}\n");
    home.write("xdg/toolforge.yaml", "api_gateway: {url: 'https://other'}\n");
    assert_eq!(home.settings().timeout, Duration::from_secs(5));
    home.environment.config_home = Some(home.path("xdg"));
    let settings = home.settings();
    assert_eq!((settings.address.host.as_str(), settings.address.port), ("other", 443));
    // the section with the ca_file is gone
    assert_eq!(settings.trust, Trust::System);
    assert_eq!(settings.timeout, Duration::from_secs(5));
}

#[test]
fn flags_beat_variables_which_beat_files() {
    let mut home = Home::new();
    home.environment.api_url = Some("https://[::1]:9".into());
    assert_eq!(home.settings().address.to_string(), "[::1]:9");
    let ca = Some(PathBuf::from("/other.pem"));
    let global = Global { tool: Some("beta".into()), ca_file: ca, ..Global::default() };
    let settings = home.resolve(&global).unwrap();
    assert_eq!((settings.tool.as_str(), settings.trust), ("beta", Trust::Authority("/other.pem".into())));
    let settings = home.resolve(&Global { insecure: true, ..global }).unwrap();
    assert_eq!(settings.trust, Trust::Anyone);
}

#[test]
fn files_beat_data_which_beats_a_token() {
    let home = Home::new();
    let data = "client-certificate-data: LS0tLS1CRUdJTg==, client-key-data: '-----BEGIN KEY', token: t";
    home.kubeconfig("tool-alpha", &format!("{USER_WITH_FILES}, {data}"));
    assert!(
        matches!(home.settings().credentials, Credentials::Certificate { chain, .. } if chain == b"chain")
    );
    home.kubeconfig("tool-alpha", data);
    let Credentials::Certificate { chain, key, .. } = home.settings().credentials else { panic!("no data") };
    assert_eq!((&*chain, &*key), (b"-----BEGIN".as_slice(), b"-----BEGIN KEY".as_slice()));
    home.kubeconfig("tool-alpha", "token: t");
    assert_eq!(home.settings().credentials, Credentials::Token("t".into()));
}

#[test]
fn every_mistake_is_named() {
    let home = Home::new();
    let refused = |part: &str| {
        let text = home.refusal();
        assert!(
            text.starts_with("Failed to load configuration, did you forget to run 'become <mytool>'? ("),
            "{text}"
        );
        assert!(text.contains(part), "{text} lacks {part}");
    };
    home.kubeconfig("default", USER_WITH_FILES);
    refused("the namespace \"default\" is of no tool: expected tool-NAME");
    home.kubeconfig("tool-alpha", "username: x");
    refused("neither client-certificate and client-key");
    home.write(".kube/config", "contexts: []\n");
    refused("it has no current-context");
    home.write(".kube/config", "current-context: x\n");
    refused("there is no context \"x\"");
    home.write(".toolforge.yaml", "");
    refused("Unable to parse config file");
    home.write(".toolforge.yaml", "- a\n");
    refused("Unable to parse config file");
    home.write(".toolforge.yaml", "{}");
    fs::remove_file(home.path(".kube/config")).unwrap();
    refused(".kube/config: No such file");
}

#[test]
fn addresses_say_what_is_wrong_with_them() {
    for (url, why) in [
        ("127.0.0.1:30003", "it begins with neither"),
        ("ftp://x", "it begins with neither"),
        ("https://x/api", "it has a path"),
        ("https://u@x", "it has a user"),
        ("https://", ""),
        ("", ""),
    ] {
        let text = Address::parse(url).unwrap_err();
        assert!(text.contains(why) && text.contains("write https://HOST:PORT"), "{text}");
    }
    assert_eq!(Address::parse("http://[::1]").unwrap(), Address { host: "::1".into(), port: 80, tls: false });
}

#[test]
fn a_context_is_current_until_another_is_and_the_variable_beats_it() {
    let mut home = Home::new();
    let put = |home: &Home, name: &str| {
        let mut contexts = Contexts::read(&home.environment).unwrap();
        let context = Context {
            name: name.into(),
            url: "https://ctx:1".into(),
            tool: "gamma".into(),
            ca_file: None,
            certificate: Some(home.path(".toolskube/client.crt")),
            key: Some(home.path(".toolskube/client.key")),
            token_file: None,
        };
        assert!(!contexts.put(context));
        contexts.choose(name).unwrap();
        contexts.write().unwrap();
    };
    put(&home, "local: #1");
    assert_eq!(home.settings().tool, "gamma");
    let kubeconfig = Global { context: Some("kubeconfig".into()), ..Global::default() };
    assert_eq!(home.resolve(&kubeconfig).unwrap().tool, "alpha");
    home.environment.kubeconfig = Some(home.path(".kube/config"));
    assert_eq!(home.settings().tool, "alpha");
    let named = Global { context: Some("local: #1".into()), ..Global::default() };
    assert_eq!(home.resolve(&named).unwrap().tool, "gamma");
    let unknown = Global { context: Some("nope".into()), ..Global::default() };
    assert!(
        matches!(home.resolve(&unknown), Err(Failure::User(text)) if text.contains("toolforge context list"))
    );
    let mut contexts = Contexts::read(&home.environment).unwrap();
    contexts.remove("local: #1").unwrap();
    assert_eq!(contexts.current_name(), "kubeconfig");
    assert!(contexts.remove("kubeconfig").is_err());
}

#[test]
fn contexts_are_written_for_the_user_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    Contexts::read(&home.environment).unwrap().write().unwrap();
    let mode = fs::metadata(home.path(".config/toolforge/contexts.yaml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!Path::new(&home.path(".config/toolforge/contexts.yaml.new")).exists());
}

#[test]
fn secrets_are_not_in_debug_output() {
    let home = Home::new();
    home.kubeconfig("tool-alpha", "token: s3cret");
    assert!(!format!("{:?}", home.settings()).contains("s3cret"));
}
