//! Running scenes, on both databases and on few servers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{Client, Database, Server, StanzaExt};

/// No scene lasts longer.
const LONGEST: Duration = Duration::from_secs(120);

/// Makes two tests of every scene, `sqlite::name` and `postgres::name`. Scenes in one group share one server
/// per database, started with the group's settings; their accounts are their own. Nothing is archived unless the
/// settings say so.
///
/// ```text
/// scenes! {
///     []: a_message_arrives, a_message_waits;
///     ["registration=open"]: an_account_is_made;
/// }
/// ```
#[macro_export]
macro_rules! scenes {
    (@$policy:literal $($settings:tt: $($scene:ident),+ $(,)?);+ $(;)?) => {
        mod sqlite {
            $($(#[test] fn $scene() {
                $crate::run($crate::Database::Sqlite, $policy, &$settings, super::$scene);
            })+)+
        }
        mod postgres {
            $($(#[test] fn $scene() {
                $crate::run($crate::Database::Postgres, $policy, &$settings, super::$scene);
            })+)+
        }
    };
    ($($groups:tt)+) => {
        $crate::scenes! { @"until-delivered" $($groups)+ }
    };
}

/// As [`scenes!`], for what must hold whether messages are archived or not: each scene runs under both policies,
/// `until_delivered::sqlite::name` and so on.
#[macro_export]
macro_rules! scenes_of_both_policies {
    ($($groups:tt)+) => {
        mod until_delivered {
            use super::*;
            $crate::scenes! { @"until-delivered" $($groups)+ }
        }
        mod always {
            use super::*;
            $crate::scenes! { @"always" $($groups)+ }
        }
    };
}

/// Runs one scene on the shared server with this `archive.policy` and these settings.
pub fn run(database: Database, policy: &'static str, settings: &[&str], scene: impl AsyncFnOnce(&Server)) {
    let server = shared(database, policy, settings);
    let _log = LogOnPanic(&server);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        if tokio::time::timeout(LONGEST, scene(&server)).await.is_err() {
            panic!("the scene lasts longer than {LONGEST:?}");
        }
    });
}

fn shared(database: Database, policy: &'static str, settings: &[&str]) -> Arc<Server> {
    type Key = (Database, &'static str, Vec<String>);
    static SERVERS: Mutex<Option<HashMap<Key, Arc<Server>>>> = Mutex::new(None);
    let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (database, policy, settings.iter().map(ToString::to_string).collect());
    servers
        .get_or_insert_default()
        .entry(key)
        .or_insert_with(|| Arc::new(Server::start(database, policy, settings)))
        .clone()
}

struct LogOnPanic<'a>(&'a Server);

impl Drop for LogOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0.log_tail());
        }
    }
}

/// Subscribes both to each other's presence (RFC 6121 §3.1) and drops all that came of it.
pub async fn befriend(a: &mut Client, b: &mut Client) {
    subscribe(a, b).await;
    subscribe(b, a).await;
    a.sync().await;
    b.drain().await;
    a.drain().await;
}

/// Subscribes `subscriber` to the presence of `contact`; what comes of it stays to be read.
pub async fn subscribe(subscriber: &mut Client, contact: &mut Client) {
    let (from, to) = (subscriber.bare().to_owned(), contact.bare().to_owned());
    subscriber.send(format!("<presence to='{to}' type='subscribe'/>")).await;
    contact.find(|it| it.kind() == Some("subscribe") && it.from() == Some(&from)).await;
    contact.send(format!("<presence to='{from}' type='subscribed'/>")).await;
    subscriber.find(|it| it.kind() == Some("subscribed") && it.from() == Some(&to)).await;
}
