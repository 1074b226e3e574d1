use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{ArchivePolicy, Config, ConfigError, Loaded, Origin, Registration, Storage, reference};

/// Loads `text` as a file with `sets` over it.
fn load(text: &str, sets: &[&str]) -> Result<Loaded, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("w.toml");
    std::fs::write(&file, text).unwrap();
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    Config::load(Some(&file), None, &sets)
}

/// The message of a failed load, without the temporary folder's name.
fn fault(text: &str, sets: &[&str]) -> String {
    let message = load(text, sets).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message:?}");
    message.find("w.toml").map_or(message.clone(), |at| message[at..].to_owned())
}

#[test]
fn without_anything_the_defaults_hold() {
    let loaded = load("", &[]).unwrap();
    let config = loaded.config;
    assert_eq!(config.domain().as_str(), "localhost");
    assert_eq!(config.data, Path::new("./waxwing-data"));
    assert_eq!(config.storage, Storage::Sqlite("./waxwing-data/waxwing.sqlite".into()));
    assert_eq!(config.listen.c2s, ["[::]:5222".parse().unwrap()]);
    assert_eq!(config.limits.stanza, 262_144);
    assert_eq!(config.limits.login_timeout, Duration::from_secs(30));
    assert_eq!(config.delivery.linger, Duration::from_millis(100));
    assert_eq!(config.registration, Registration::Closed);
    assert_eq!(config.tls.certificate, None);
    assert!(loaded.origins.iter().all(|one| one.origin == Origin::Default));
}

#[test]
fn the_command_line_wins_over_the_file() {
    let text = "domain = 'a.example'\n[limits]\nstanza = 20_000\nstanza_before_auth = 0x2000\n";
    let loaded =
        load(text, &["limits.stanza=30000", "registration=open", "listen.c2s = ['127.0.0.1:0', '[::1]:0']"]);
    let loaded = loaded.unwrap();
    assert_eq!(loaded.config.limits.stanza, 30_000);
    assert_eq!(loaded.config.limits.stanza_before_auth, 0x2000);
    assert_eq!(loaded.config.listen.c2s.len(), 2);
    let origin = |key| &loaded.origins.iter().find(|one| one.key == key).unwrap().origin;
    assert!(matches!(origin("domain"), Origin::File { line: 1, .. }));
    assert!(matches!(origin("limits.stanza_before_auth"), Origin::File { line: 4, .. }));
    assert_eq!(*origin("limits.stanza"), Origin::Set);
    assert!(loaded.show().contains("registration = \"open\""));
}

#[test]
fn data_moves_the_database() {
    let loaded = Config::load(Some(Path::new("/dev/null")), Some(Path::new("/srv/w")), &[]).unwrap();
    assert_eq!(loaded.config.storage, Storage::Sqlite(PathBuf::from("/srv/w/waxwing.sqlite")));
}

#[test]
fn paths_in_a_file_are_taken_from_its_folder() {
    let loaded =
        load("storage = 'db.sqlite'\ndata = '/srv'\n", &["tls.certificate=c.pem", "tls.key=k.pem"]).unwrap();
    assert!(
        matches!(&loaded.config.storage, Storage::Sqlite(path) if path.is_absolute() && path.ends_with("db.sqlite"))
    );
    assert_eq!(loaded.config.tls.key.as_deref(), Some(Path::new("k.pem")));
}

#[test]
fn several_domains() {
    let one = load("", &["hosts=a.example", "sasl.mechanisms=PLAIN"]).unwrap().config;
    assert_eq!((one.domain().as_str(), one.sasl.mechanisms.clone()), ("a.example", vec!["PLAIN".to_owned()]));
    let hosts = |text: &str| -> Vec<String> {
        load(text, &[]).unwrap().config.hosts.iter().map(|host| host.as_str().to_owned()).collect()
    };
    assert_eq!(hosts("hosts = ['A.example', 'b.example']"), ["a.example", "b.example"]);
    assert_eq!(hosts("hosts = ['a.example', 'b.example']\ndomain = 'b.example'"), ["b.example", "a.example"]);
    assert_eq!(
        fault("domain = 'c.example'\nhosts = ['a.example']", &[]),
        "w.toml:1: domain is \"c.example\", which `hosts` does not name"
    );
    assert!(fault("hosts = ['a.example', 'A.EXAMPLE']", &[]).contains("twice"));
    let with_files = "domain = 'a.example'\n[tls.hosts.'a.example']\ncertificate = 'c'\nkey = '/k'";
    let files = load(with_files, &[]).unwrap().config.tls.hosts;
    assert_eq!(files.values().next().unwrap().key, Path::new("/k"));
    assert!(fault("[tls.hosts.'b.example']\ncertificate = 'c'\nkey = 'k'", &[]).contains("neither"));
    assert!(
        fault("[tls.hosts.localhost]\ncertificate = 'c'", &[]).contains("needs a `certificate` and a `key`")
    );
    assert!(fault("[tls.hosts.localhost]\ncert = 'c'", &[]).contains("not \"cert\""));
}

#[test]
fn archive_policies_of_single_domains() {
    let text = "hosts = [\"a.example\", \"b.example\"]\n[archive.hosts]\n\"B.example\" = \"never\"";
    let archive = load(text, &["archive.hosts.\"a.example\"=roster"]).unwrap().config.archive;
    assert_eq!(archive.policy, ArchivePolicy::Always);
    let named: Vec<_> = archive.hosts.iter().map(|(host, policy)| (host.as_str(), *policy)).collect();
    assert_eq!(named, [("a.example", ArchivePolicy::Roster)], "the later table wins whole");
    let archive = load(text, &[]).unwrap().config.archive;
    assert_eq!(archive.hosts.values().collect::<Vec<_>>(), [&ArchivePolicy::Never]);
    assert!(fault(text, &["archive.hosts.\"a.example\"=nowhere"]).contains("must be one of"));
    assert!(
        fault(text, &["archive.hosts.\"c.example\"=never"]).contains("names c.example, which is neither")
    );
    assert!(fault(text, &["archive.hosts=never"]).contains("a table of domains"));
}

#[test]
fn faults_name_place_and_remedy() {
    assert_eq!(fault("\n[limit]\nstanza = 1", &[]), "w.toml:2: unknown key `limit`; did you mean `limits`?");
    assert_eq!(
        fault("[limits]\nstanzas = 1", &[]),
        "w.toml:2: unknown key `limits.stanzas`; did you mean `limits.stanza`?"
    );
    assert_eq!(
        fault("[limits]\nstanza = 1", &[]),
        "w.toml:2: limits.stanza must be a whole number, 10000 to 67108864 bytes, not 1"
    );
    assert_eq!(
        fault("registration = 'opn'", &[]),
        "w.toml:1: registration must be one of \"closed\", \"open\", not \"opn\"; did you mean \"open\"?"
    );
    assert_eq!(fault("", &["storge=x"]), "--set: unknown key `storge`; did you mean `storage`?");
    assert_eq!(fault("", &["storage"]), "--set \"storage\": must be key=value");
    assert_eq!(fault("", &["=x"]), "--set \"=x\": the part before `=` is no key");
    assert!(fault("domain = \n", &[]).starts_with("w.toml:1: "));
    assert!(fault("a = 1\na = 2\n", &[]).starts_with("w.toml:2: "));
    assert!(fault("listen.c2s = '5222'", &[]).contains("must be an address and a port"));
    assert!(fault("domain = 'a b'", &[]).contains("must be a domain"));
    assert!(fault("domain = ''", &[]).contains("must be a domain"));
    assert!(fault("storage = 'mysql://x'", &[]).contains("mysql"));
    assert!(fault("tls.key = 'k'", &[]).contains("needs `tls.certificate`"));
    assert!(fault("data = ''", &[]).contains("must not be empty"));
    assert!(fault("limits = 3", &[]).contains("`limits` is a group of keys"));
    assert!(fault("sasl.mechanisms = []", &[]).contains("at least one"));
    let days = "must be a table of domains, each with a whole number, 1 to 36500 days";
    for value in ["3", "{ \"a.example\" = 0 }", "{ \"a.example\" = \"x\" }"] {
        assert!(fault(&format!("archive.retention_hosts = {value}"), &[]).contains(days), "{value}");
    }
    let missing = Config::load(Some(Path::new("/nowhere/w.toml")), None, &[]).unwrap_err().to_string();
    assert_eq!(missing, "/nowhere/w.toml: cannot be read: No such file or directory (os error 2)");
}

#[test]
fn a_password_in_the_database_url_is_not_shown() {
    let shown = load("", &["storage=postgres://w:secret@db/w"]).unwrap().show();
    assert!(shown.contains("postgres://w:***@db/w") && !shown.contains("secret"), "{shown}");
}

#[test]
fn every_key_is_taken_from_the_command_line_and_shown_as_such() {
    let defaults = load("", &[]).unwrap().origins;
    assert!(defaults.len() > 60);
    for one in defaults {
        let set = format!("{}={}", one.key, one.value);
        let loaded = load("", &[&set]).unwrap_or_else(|error| panic!("--set {set}: {error}"));
        let again = loaded.origins.iter().find(|other| other.key == one.key).unwrap();
        assert_eq!((&again.origin, &again.value), (&Origin::Set, &one.value), "{set}");
    }
}

#[test]
fn the_reference_names_every_key() {
    let page = reference();
    for one in load("", &[]).unwrap().origins {
        assert!(page.contains(&format!("### `{}`", one.key)), "{}", one.key);
    }
    assert!(page.contains("whole number, 10000 to 67108864 bytes"));
}
