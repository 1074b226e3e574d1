//! XEP-0202: Entity Time, of the server. It tells UTC and not where it stands (§6).

use std::sync::Arc;

use waxwing_kernel::{About, At, Feature, Module, On, Place, Reply, Request, Setup, SetupError, now, stamp};
use waxwing_stanza::StanzaError;
use waxwing_xml::Tag;
use xmpp_parsers::time::TimeQuery;

const TIME: &str = "urn:xmpp:time";

pub struct Time;

impl Module for Time {
    const ABOUT: About = About {
        xep: 202,
        version: "2.0",
        name: "Entity Time",
        features: &[Feature(Place::Host, TIME)],
        identities: &[],
    };

    fn new(_: &Setup<'_>) -> Result<Time, SetupError> {
        Ok(Time)
    }

    fn install(on: &mut On<'_, Time>) {
        on.get(At::Host, Time::get);
    }
}

impl Time {
    async fn get(self: Arc<Self>, _: Request<TimeQuery>) -> Result<Reply, StanzaError> {
        Ok(Reply::written(|out| {
            Tag::new(out, "time").ns(TIME).children(|out| {
                Tag::new(out, "tzo").text("+00:00");
                Tag::new(out, "utc").text(&stamp(now()));
            });
        }))
    }
}
