//! Every key, declared once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jid::DomainPart;

use crate::declare::{Section, choice, section};
use crate::kind::Kind::{
    Addresses, Choice, Choices, Components as ComponentsKind, Domain, Domains, HostChoices,
    HostFiles as HostFilesKind, HostNumbers, Number, Path, Storage as StorageKind, Text, Uris, WebAddresses,
};
use crate::kind::Unit::{Bytes, Count, Days, Millis, Seconds};
use crate::uri::Uri;
use crate::values::{HostFiles, Secret, Storage};

/// The sections in the order of the reference.
pub(crate) const SECTIONS: &[Section] = &[
    General::SECTION,
    Contact::SECTION,
    Listen::SECTION,
    Components::SECTION,
    Tls::SECTION,
    Sasl::SECTION,
    Sm::SECTION,
    Keepalive::SECTION,
    Delivery::SECTION,
    Archive::SECTION,
    Push::SECTION,
    Strangers::SECTION,
    Reports::SECTION,
    Log::SECTION,
    Limits::SECTION,
];

choice! {
    /// Who may make an account in band (XEP-0077).
    pub enum Registration {
        /// Nobody.
        Closed = "closed",
        /// Everybody, throttled per address.
        Open = "open",
    }
}

choice! {
    /// What an account's log keeps.
    pub enum ArchivePolicy {
        /// A message is kept only while it waits to be delivered; there is no archive.
        UntilDelivered = "until-delivered",
        /// Every message is archived.
        Always = "always",
        /// Messages with contacts in the roster are archived.
        Roster = "roster",
        /// Nothing is archived; messages still wait until they are delivered.
        Never = "never",
    }
}

choice! {
    /// What push services are told of a message.
    pub enum PushSummary {
        /// How many messages wait.
        Count = "count",
        /// Also who sent the last one.
        Sender = "sender",
        /// Also the text of the last one.
        Body = "body",
    }
}

choice! {
    /// How much is logged.
    pub enum LogLevel {
        Error = "error",
        Warn = "warn",
        Info = "info",
        Debug = "debug",
        Trace = "trace",
    }
}

choice! {
    /// How the log is written.
    pub enum LogFormat {
        Text = "text",
        Json = "json",
    }
}

section! {
    /// General
    pub struct General {
        /// The domain served. With several domains, the first.
        "domain" => domain: DomainPart = "\"localhost\"", Domain;
        /// All domains served, when there are several. Empty: only `domain`. Where both are given, `domain` is
        /// one of `hosts`.
        "hosts" => hosts: Vec<DomainPart> = "[]", Domains;
        /// The folder of everything that the server keeps: the embedded database, certificates made by itself,
        /// the admin socket. Made if it is missing. Also `--data`.
        "data" => data: PathBuf = "\"./waxwing-data\"", Path;
        /// The database: the path of an SQLite file, or a URL such as `postgres://user:password@host/database`.
        /// Empty: `waxwing.sqlite` in the data folder. Connections to Postgres are not encrypted: a URL that demands TLS
        /// (`sslmode=require` and above) is refused.
        "storage" => storage: Option<Storage> = "\"\"", StorageKind;
        /// Who may make an account in band (XEP-0077): nobody, or everybody.
        "registration" => registration: Registration = "\"closed\"", Choice(Registration::NAMES);
    }
}

section! {
    /// Contact addresses (XEP-0157)
    pub struct Contact {
        /// Where abuse is reported, as everybody may see: URIs such as `"mailto:abuse@example.org"` or
        /// `"xmpp:abuse@example.org"`. Empty here and below: not told.
        "contact.abuse" => abuse: Vec<Uri> = "[]", Uris;
        /// The administrators.
        "contact.admin" => admin: Vec<Uri> = "[]", Uris;
        /// What users think of the service.
        "contact.feedback" => feedback: Vec<Uri> = "[]", Uris;
        /// Sales.
        "contact.sales" => sales: Vec<Uri> = "[]", Uris;
        /// Security.
        "contact.security" => security: Vec<Uri> = "[]", Uris;
        /// A page that says how the service is.
        "contact.status" => status: Vec<Uri> = "[]", Uris;
        /// Support.
        "contact.support" => support: Vec<Uri> = "[]", Uris;
        /// Documents, on other machines, that tell clients why the server cannot be reached (XEP-0455).
        "contact.external_status" => external_status: Vec<Uri> = "[]", WebAddresses;
    }
}

section! {
    /// Listeners
    pub struct Listen {
        /// Where clients connect with STARTTLS. Port 0 takes a free one. `[::]` takes IPv4 as well. An empty list:
        /// nowhere.
        "listen.c2s" => c2s: Vec<SocketAddr> = "\"[::]:5222\"", Addresses;
        /// Where clients connect with direct TLS (XEP-0368).
        "listen.c2s_tls" => c2s_tls: Vec<SocketAddr> = "\"[::]:5223\"", Addresses;
        /// Where external components connect (XEP-0114), in the clear: other machines than this one through a tunnel only.
        /// Nowhere while `components` names none.
        "listen.components" => components: Vec<SocketAddr> = "\"127.0.0.1:5347\"", Addresses;
    }
}

section! {
    /// Components
    pub struct Components {
        /// External components (XEP-0114) and what each shares with the server: `[components."gateway.example.org"]`
        /// with `secret`. A component speaks for every address at its domain, which is none of `hosts`.
        "components" => secrets: BTreeMap<DomainPart, Secret> = "{}", ComponentsKind;
    }
}

section! {
    /// Certificates
    pub struct Tls {
        /// The certificate chain, PEM, for every domain without one of its own. Empty: the server makes a CA and
        /// a certificate, keeps them in the data folder under `tls`, and renews the certificate before it ends.
        "tls.certificate" => certificate: Option<PathBuf> = "\"\"", Path;
        /// The private key of `tls.certificate`, PEM.
        "tls.key" => key: Option<PathBuf> = "\"\"", Path;
        /// Certificates of single domains: `[tls.hosts."example.org"]` with `certificate` and `key`.
        "tls.hosts" => hosts: BTreeMap<DomainPart, HostFiles> = "{}", HostFilesKind;
    }
}

section! {
    /// Login
    pub struct Sasl {
        /// The SASL mechanisms offered and accepted.
        "sasl.mechanisms" => mechanisms: Vec<String> = "[\"SCRAM-SHA-512-PLUS\", \"SCRAM-SHA-512\", \"SCRAM-SHA-256-PLUS\", \"SCRAM-SHA-256\", \"SCRAM-SHA-1-PLUS\", \"SCRAM-SHA-1\", \"PLAIN\"]", Choices(&["SCRAM-SHA-512-PLUS", "SCRAM-SHA-512", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN"]);
        /// PBKDF2 iterations for keys made from now on. Clients pay them at each login (RFC 7677 §4: at least 4096).
        "sasl.iterations" => iterations: u32 = "10000", Number(Count, 4096, 1_000_000);
        /// How long a client can log in with a token instead of the password (XEP-0484); it gets a new one while it
        /// is used. 0: no tokens.
        "sasl.token_seconds" => token_lifetime: Duration = "1814400", Number(Seconds, 0, 31_536_000);
    }
}

section! {
    /// Stream management (XEP-0198)
    pub struct Sm {
        /// How long a stream that broke can be resumed, at most; a client may ask for less.
        "sm.resume_seconds" => resume: Duration = "600", Number(Seconds, 0, 86_400);
        /// Where clients should reconnect to resume, host and port. Empty: not told.
        "sm.location" => location: Option<String> = "\"\"", Text;
        /// Sessions of one account that wait to be resumed; the oldest ends when another comes.
        "sm.hibernated_per_account" => hibernated_per_account: usize = "8", Number(Count, 0, 1000);
        /// Sessions that wait to be resumed in the whole server; the oldest ends when another comes.
        "sm.hibernated" => hibernated: usize = "100000", Number(Count, 0, 10_000_000);
        /// Memory of all sessions that wait to be resumed; the oldest ends when more is needed.
        "sm.hibernated_bytes" => hibernated_bytes: usize = "536870912", Number(Bytes, 1_048_576, 1_099_511_627_776);
    }
}

section! {
    /// Dead connections
    pub struct Keepalive {
        /// After this long without a byte from a client, it is asked for a sign of life.
        "keepalive.idle_seconds" => idle: Duration = "600", Number(Seconds, 5, 86_400);
        /// How long it has to answer before its connection counts as dead.
        "keepalive.answer_seconds" => answer: Duration = "60", Number(Seconds, 1, 3600);
    }
}

section! {
    /// Delivery
    pub struct Delivery {
        /// How long a message that is not archived may wait in memory for its recipients' acknowledgement before
        /// it is written to the database. Its sender is not acknowledged before one of the two.
        "delivery.linger_ms" => linger: Duration = "100", Number(Millis, 0, 1000);
    }
}

section! {
    /// Archive
    pub struct Archive {
        /// Which messages are kept after they were delivered. An account may have a policy of its own
        /// (`waxwing user set JID archive=...`).
        "archive.policy" => policy: ArchivePolicy = "\"always\"", Choice(ArchivePolicy::NAMES);
        /// The policy of single domains: `[archive.hosts]` with `"example.org" = "never"`.
        "archive.hosts" => hosts: BTreeMap<DomainPart, ArchivePolicy> = "{}", HostChoices(ArchivePolicy::NAMES);
        /// How long archived messages are kept. Messages that wait to be delivered are kept longer.
        "archive.retention_days" => retention: Duration = "365", Number(Days, 1, 36_500);
        /// The same of single domains: `[archive.retention_hosts]` with `"example.org" = 30`. An account may have a time of
        /// its own (`waxwing user set JID retention=...`).
        "archive.retention_hosts" => retention_hosts: BTreeMap<DomainPart, Duration> = "{}", HostNumbers(Days, 1, 36_500);
        /// Archived messages per account; the oldest go.
        "archive.max_entries" => max_entries: u64 = "100000", Number(Count, 100, 1_000_000_000);
        /// Results in one page of an archive (XEP-0313), and ids that one query may name. A page is also held to a
        /// quarter of `limits.outbox_bytes`.
        "archive.page" => page: u32 = "250", Number(Count, 1, 10_000);
        /// JIDs that the archive preferences of one account may name (XEP-0441). One more: `<not-allowed/>`.
        "archive.preferences" => preferences: usize = "1000", Number(Count, 0, 100_000);
    }
}

section! {
    /// Push notifications (XEP-0357)
    pub struct Push {
        /// What a push service, which belongs to the maker of an app, is told: how many messages wait, also who sent the
        /// last one, also its text (never of an encrypted one).
        "push.summary" => summary: PushSummary = "\"count\"", Choice(PushSummary::NAMES);
        /// How long a client that seems to be connected has to acknowledge a message before its device is woken.
        "push.patience_seconds" => patience: Duration = "10", Number(Seconds, 1, 3600);
    }
}

section! {
    /// Strangers
    pub struct Strangers {
        /// First messages an hour, on average, from one account to people who do not know it: who do not have it in
        /// their roster, never wrote to it and show it no presence. Requests to see presence count too, and a component
        /// may send ten times as many. More: `<policy-violation/>`, to be tried again later. 0: no limit.
        "strangers.per_hour" => per_hour: u32 = "60", Number(Count, 0, 1_000_000);
        /// First messages at once, before that average holds.
        "strangers.burst" => burst: u32 = "50", Number(Count, 1, 1_000_000);
    }
}

section! {
    /// Reports to the operator (XEP-0377)
    pub struct Reports {
        /// Reports that are kept of one account, each with the messages that it names, 64 KiB at most; the oldest go.
        "reports.per_account" => per_account: u32 = "100", Number(Count, 1, 100_000);
        /// How long reports are kept.
        "reports.retention_days" => retention: Duration = "180", Number(Days, 1, 36_500);
    }
}

section! {
    /// Log
    pub struct Log {
        /// The least serious lines that are written.
        "log.level" => level: LogLevel = "\"info\"", Choice(LogLevel::NAMES);
        /// Lines for people, or one JSON object a line.
        "log.format" => format: LogFormat = "\"text\"", Choice(LogFormat::NAMES);
    }
}

section! {
    /// Limits
    pub struct Limits {
        /// The largest stanza (RFC 6120 §13.12: at least 10000). Larger: stream error `<policy-violation/>`.
        "limits.stanza" => stanza: usize = "262144", Number(Bytes, 10_000, 67_108_864);
        /// The largest element before a client is logged in.
        "limits.stanza_before_auth" => stanza_before_auth: usize = "10240", Number(Bytes, 4096, 1_048_576);
        /// How deep elements may be nested.
        "limits.depth" => depth: usize = "100", Number(Count, 8, 1000);
        /// Attributes of one element, namespace declarations included.
        "limits.attributes" => attributes: usize = "64", Number(Count, 8, 1000);
        /// How long a connection may take from its first byte to the bound resource.
        "limits.login_timeout_seconds" => login_timeout: Duration = "30", Number(Seconds, 1, 3600);
        /// Connections to the whole server. One more: `<resource-constraint/>`; closed without a word where connections
        /// begin with TLS, and when very many come at once.
        "limits.connections" => connections: usize = "200000", Number(Count, 1, 100_000_000);
        /// Connections from one address; of IPv6, from one /64. One more: as with `limits.connections`.
        "limits.connections_per_address" => connections_per_address: usize = "1000", Number(Count, 1, 100_000_000);
        /// Failed logins to one account from one address within the window; further ones are refused untried.
        "limits.failed_logins_per_account" => failed_logins_per_account: u32 = "10", Number(Count, 1, 1_000_000);
        /// Failed logins from one address within the window; further ones are refused untried.
        "limits.failed_logins_per_address" => failed_logins_per_address: u32 = "100", Number(Count, 1, 1_000_000);
        /// The window in which failed logins are counted.
        "limits.failed_login_window_seconds" => failed_login_window: Duration = "300", Number(Seconds, 1, 86_400);
        /// Accounts registered in band from one address in an hour.
        "limits.registrations_per_hour" => registrations_per_hour: u32 = "5", Number(Count, 0, 1_000_000);
        /// Stanzas a second from one session, on average. A session that sends faster is read slower.
        "limits.stanzas_per_second" => stanzas_per_second: u32 = "1000", Number(Count, 1, 10_000_000);
        /// Stanzas that a session may send at once before that average holds.
        "limits.stanza_burst" => stanza_burst: u32 = "5000", Number(Count, 1, 100_000_000);
        /// Bytes a second from one session, on average.
        "limits.bytes_per_second" => bytes_per_second: u32 = "4194304", Number(Bytes, 1024, 4_294_967_295);
        /// Bytes that a session may send at once before that average holds; at least one stanza.
        "limits.byte_burst" => byte_burst: u32 = "16777216", Number(Bytes, 10_000, 4_294_967_295);
        /// Sessions of one account, hibernated ones not counted. One more: `<resource-constraint/>`.
        "limits.sessions_per_account" => sessions_per_account: usize = "20", Number(Count, 1, 10_000);
        /// Contacts in a roster. One more: `<not-allowed/>`.
        "limits.roster_items" => roster_items: usize = "2000", Number(Count, 1, 1_000_000);
        /// Requests to see presence (RFC 6121 §3.1.3) that wait for one account's answer, those of its contacts not counted.
        /// One more is met with silence, as one to nobody is.
        "limits.subscription_requests" => subscription_requests: usize = "1000", Number(Count, 1, 1_000_000);
        /// One such request, which is kept as it came. Larger: `<policy-violation/>`, whoever it is for.
        "limits.subscription_request_bytes" => subscription_request_bytes: usize = "4096", Number(Bytes, 1024, 262_144);
        /// Entries in a block list (XEP-0191). One more: `<not-allowed/>`.
        "limits.blocked_items" => blocked_items: usize = "2000", Number(Count, 1, 1_000_000);
        /// Registrations for push notifications of one account (XEP-0357). One more replaces the oldest.
        "limits.push_registrations" => push_registrations: usize = "20", Number(Count, 0, 1000);
        /// Messages of one account that wait to be delivered. One more: `<service-unavailable/>` (XEP-0160 §2).
        "limits.pending_messages" => pending_messages: u64 = "10000", Number(Count, 1, 1_000_000_000);
        /// Memory for what is not sent yet to one session, and as much again for what it was sent and has not
        /// acknowledged (XEP-0198). A session that reads too slowly falls back to its log.
        "limits.outbox_bytes" => outbox_bytes: usize = "1048576", Number(Bytes, 65_536, 1_073_741_824);
        /// Memory for what one component has yet to read. What does not fit is answered with `<resource-constraint/>`;
        /// presence and answers that do not fit close its stream with `<policy-violation/>`.
        "limits.component_outbox_bytes" => component_outbox_bytes: usize = "16777216", Number(Bytes, 65_536, 1_073_741_824);
        /// Messages of one session that are not durable yet; its stream is not read while there are as many.
        "limits.uncommitted_messages" => uncommitted_messages: usize = "256", Number(Count, 1, 1_000_000);
        /// Addresses that one session has sent directed presence to (RFC 6121 §4.6).
        "limits.directed_presence" => directed_presence: usize = "1000", Number(Count, 1, 1_000_000);
        /// Private XML storage of one account (XEP-0049), all of it.
        "limits.private_bytes" => private_bytes: usize = "1048576", Number(Bytes, 0, 1_073_741_824);
        /// Runs of commands (XEP-0050) of one account that wait for their next stage, for ten minutes at most. One more ends
        /// the oldest.
        "limits.command_sessions" => command_sessions: usize = "10", Number(Count, 1, 1000);
        /// A vCard (XEP-0054) with the picture in it, which is a third larger there. Larger: `<policy-violation/>`, as with
        /// the next. What does not fit into `limits.stanza` never comes.
        "limits.vcard_bytes" => vcard_bytes: usize = "196608", Number(Bytes, 0, 8_388_608);
        /// The picture in a vCard. 0: no pictures.
        "limits.avatar_bytes" => avatar_bytes: usize = "131072", Number(Bytes, 0, 4_194_304);
    }
}
