//! XEP-0441: Message Archive Management Preferences.

use std::collections::BTreeSet;
use std::sync::Arc;

use jid::Jid;
use waxwing_kernel::{
    About, ArchivePreferences, ArchiveRule, At, Module, On, Reply, Request, Setup, SetupError,
};
use waxwing_stanza::{Condition, StanzaError};
use waxwing_store::MAX_KEY;
use waxwing_xml::Tag;
use xso::FromXml;

use crate::archive::{MAM, must_have_archive};
use crate::presence::unanswering;

pub struct Preferences {
    /// JIDs in both lists together.
    limit: usize,
}

#[derive(FromXml)]
#[xml(namespace = MAM, name = "prefs")]
struct Prefs {
    #[xml(attribute(default))]
    default: Option<String>,
    #[xml(child(default))]
    always: Option<Always>,
    #[xml(child(default))]
    never: Option<Never>,
}

#[derive(FromXml)]
#[xml(namespace = MAM, name = "always")]
struct Always {
    #[xml(extract(n = .., name = "jid", fields(text(type_ = String))))]
    jids: Vec<String>,
}

#[derive(FromXml)]
#[xml(namespace = MAM, name = "never")]
struct Never {
    #[xml(extract(n = .., name = "jid", fields(text(type_ = String))))]
    jids: Vec<String>,
}

impl Module for Preferences {
    const ABOUT: About = About {
        xep: 441,
        version: "0.2.0",
        name: "Message Archive Management Preferences",
        features: &[],
        identities: &[],
    };

    fn new(setup: &Setup<'_>) -> Result<Preferences, SetupError> {
        Ok(Preferences { limit: setup.archive_preferences })
    }

    fn install(on: &mut On<'_, Preferences>) {
        on.get(At::Own, Preferences::get);
        on.set(At::Own, Preferences::set);
        on.get(At::Other, Preferences::forbid);
        on.set(At::Other, Preferences::forbid);
    }
}

impl Preferences {
    async fn get(self: Arc<Self>, request: Request<Prefs>) -> Result<Reply, StanzaError> {
        must_have_archive(request.own()?).await?;
        let preferences = request.own()?.archive_preferences().await.map_err(unanswering)?;
        Ok(shown(&preferences))
    }

    /// Replaces them whole; a list that is missing is an empty one (§2.1.2).
    async fn set(self: Arc<Self>, request: Request<Prefs>) -> Result<Reply, StanzaError> {
        must_have_archive(request.own()?).await?;
        let Prefs { default, always, never } = &request.payload;
        let always = always.as_ref().map_or(&[][..], |list| &list.jids);
        let never = never.as_ref().map_or(&[][..], |list| &list.jids);
        let default = default.as_deref().and_then(ArchiveRule::named);
        let default = default.ok_or_else(|| {
            StanzaError::new(Condition::BadRequest).text("default is one of always, never, roster")
        })?;
        if always.len() + never.len() > self.limit {
            return Err(StanzaError::new(Condition::NotAllowed).text("too many JIDs"));
        }
        let preferences = ArchivePreferences { default, always: jids(always)?, never: jids(never)? };
        let reply = shown(&preferences);
        request.own()?.set_archive_preferences(preferences).await.map_err(unanswering)?;
        Ok(reply)
    }

    async fn forbid(self: Arc<Self>, _: Request<Prefs>) -> Result<Reply, StanzaError> {
        Err(Condition::Forbidden.into())
    }
}

fn jids(items: &[String]) -> Result<BTreeSet<String>, StanzaError> {
    let prepare = |item: &String| match Jid::new(item.trim()) {
        Ok(jid) if jid.as_str().len() <= MAX_KEY => Ok(jid.to_string()),
        _ => Err(StanzaError::new(Condition::JidMalformed)),
    };
    items.iter().map(prepare).collect()
}

fn shown(preferences: &ArchivePreferences) -> Reply {
    Reply::written(|out| {
        Tag::new(out, "prefs").ns(MAM).attr("default", preferences.default.name()).children(|out| {
            for (name, jids) in [("always", &preferences.always), ("never", &preferences.never)] {
                Tag::new(out, name).children(|out| {
                    for jid in jids {
                        Tag::new(out, "jid").text(jid);
                    }
                });
            }
        });
    })
}

#[cfg(test)]
mod tests {
    use waxwing_kernel::Archive;

    use crate::tests::{Came, Server, element};

    /// The answer must be these preferences.
    #[track_caller]
    fn shows(came: &Came, prefs: &str) {
        assert_eq!(*came.payload("prefs", "urn:xmpp:mam:2"), element(prefs));
    }

    #[tokio::test]
    async fn preferences_are_kept_and_shown_as_applied() {
        let server = Server::with(Archive::Roster).await;
        let romeo = server.login("romeo", "a").await;
        let get = "<prefs xmlns='urn:xmpp:mam:2'/>";
        let defaults = "<prefs xmlns='urn:xmpp:mam:2' default='roster'><always/><never/></prefs>";
        shows(&romeo.ask("get", "", get).await, defaults);
        let set = "<prefs xmlns='urn:xmpp:mam:2' default='always'><never><jid>Paris@C</jid><jid>paris@c</jid>\
                   </never></prefs>";
        let applied = "<prefs xmlns='urn:xmpp:mam:2' default='always'><always/><never><jid>paris@c</jid>\
                       </never></prefs>";
        shows(&romeo.ask("set", "", set).await, applied);
        shows(&romeo.ask("get", "romeo@c", get).await, applied);
        // It is stored.
        server.core.archiving.forget(server.account("romeo").await.id);
        shows(&romeo.ask("get", "", get).await, applied);
    }

    #[tokio::test]
    async fn refusals() {
        let server = Server::with(Archive::Always).await;
        let (romeo, _juliet) = (server.login("romeo", "a").await, server.login("juliet", "a").await);
        let list = |jid: &str| format!("<never><jid>{jid}</jid></never>");
        for (attrs, lists, expected) in [
            ("", String::new(), "bad-request"),
            ("default='sometimes'", String::new(), "bad-request"),
            ("default='never'", list("@"), "jid-malformed"),
            ("default='never'", format!("<always>{}</always>", "<jid>a@b</jid>".repeat(4)), "not-allowed"),
        ] {
            let set = format!("<prefs xmlns='urn:xmpp:mam:2' {attrs}>{lists}</prefs>");
            let answer = romeo.ask("set", "", &set).await;
            assert_eq!(answer.condition(), expected, "{set}");
        }
        for kind in ["get", "set"] {
            let prefs = "<prefs xmlns='urn:xmpp:mam:2' default='never'/>";
            let theirs = romeo.ask(kind, "juliet@c", prefs).await;
            assert_eq!(theirs.condition(), "forbidden");
            let nobodys = romeo.ask(kind, "nobody@c", prefs).await;
            assert_eq!(theirs.only_from("juliet@c"), nobodys.only_from("nobody@c"));
        }
        let without = Server::with(Archive::Never).await;
        let romeo = without.login("romeo", "a").await;
        let answer = romeo.ask("get", "", "<prefs xmlns='urn:xmpp:mam:2'/>").await;
        assert_eq!(answer.condition(), "service-unavailable");
    }
}
