//! `<authenticate/>` (XEP-0388 §2.3).

use waxwing_sasl::Failure;
use waxwing_stanza::ns;
use waxwing_xml::{Element, Limits};

use super::SASL2;
use super::bind2::BIND2;
use super::fast::{FAST, Use};
use super::upgrade::UPGRADE;
use crate::login::exchange::{Profile, part};
use crate::login::features::CONFIG;

/// Characters of a software's or device's name that are kept.
const NAME: usize = 128;

/// What a client asks for. Of what may stand there once the first counts; what nobody knows is passed over.
pub struct Request<'e> {
    pub mechanism: &'e str,
    pub initial: Option<Vec<u8>>,
    pub agent: Option<Agent>,
    /// The features that it reckons with (XEP-0509 §2.2).
    pub config_version: Option<String>,
    /// The names of XEP-0480's tasks that it can do.
    pub upgrades: Vec<String>,
    /// XEP-0484 `<fast/>`.
    pub fast: Option<Use>,
    /// The mechanism that a token is asked for.
    pub token: Option<String>,
    /// XEP-0198 `<resume/>`.
    pub resume: Option<Element>,
    /// XEP-0386 `<bind/>`.
    pub bind: Option<Element>,
}

/// Which client it is, by its own word.
pub struct Agent {
    /// Of the installation, as a UUID in small letters.
    pub id: Option<String>,
    pub software: String,
    pub device: String,
}

impl<'e> Request<'e> {
    /// Reads an element that came within these limits.
    ///
    /// # Errors
    /// `<malformed-request/>` for a user-agent id that is no UUID and a count that is no number,
    /// `<incorrect-encoding/>` for a response that is no base64.
    pub fn read(limits: &Limits, element: &'e Element) -> Result<Request<'e>, Failure> {
        let wish = |name, ns| element.child(name, ns).map(|child| part(limits, element, child)).transpose();
        let initial = element.child("initial-response", SASL2);
        let initial = initial.map(|initial| Profile::Sasl2.decode(&initial.text(element))).transpose()?;
        let version = element.child("config-version", CONFIG);
        Ok(Request {
            mechanism: element.attr("mechanism").unwrap_or_default(),
            initial: initial.flatten(),
            agent: wish("user-agent", SASL2)?.as_ref().map(Agent::read).transpose()?,
            // One without a value fits nothing.
            config_version: version
                .map(|version| version.attr(element, "value").unwrap_or_default().into_owned()),
            upgrades: element
                .children()
                .iter()
                .filter(|child| child.is(element, "upgrade", UPGRADE))
                .map(|child| child.text(element).trim().to_owned())
                .collect(),
            fast: element.child("fast", FAST).map(|fast| Use::read(element, fast)).transpose()?,
            token: element
                .child("request-token", FAST)
                .and_then(|token| token.attr(element, "mechanism"))
                .map(|name| name.into_owned()),
            resume: wish("resume", ns::SM)?,
            bind: wish("bind", BIND2)?,
        })
    }
}

impl Request<'_> {
    /// The device that it is on, if it said so.
    pub fn device(&self) -> Option<&str> {
        self.agent.as_ref()?.id.as_deref()
    }
}

impl Agent {
    fn read(element: &Element) -> Result<Agent, Failure> {
        let id = element.attr("id").map(uuid).transpose()?;
        let text = |name| element.child(name, SASL2).map_or_else(String::new, |it| shown(&it.text(element)));
        Ok(Agent { id, software: text("software"), device: text("device") })
    }
}

/// A UUID as the schema of XEP-0388 has it, in small letters. Its version is not looked at: the client suffers most
/// from one that is not random.
fn uuid(text: &str) -> Result<String, Failure> {
    let mut groups = text.split('-');
    let fits = [8, 4, 4, 4, 12].into_iter().all(|length| {
        groups
            .next()
            .is_some_and(|group| group.len() == length && group.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    if fits && groups.next().is_none() {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(Failure::MalformedRequest)
    }
}

/// As much of a name as is shown, on one line.
fn shown(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_agent_ids_are_uuids() {
        let id = "D4565FA7-4d72-4749-b3d3-740edbf87770";
        assert_eq!(uuid(id).as_deref(), Ok(id.to_lowercase().as_str()));
        for wrong in [
            "",
            "x",
            "d4565fa7-4d72-4749-b3d3-740edbf8777",
            "d4565fa7-4d72-4749-b3d3-740edbf87770-",
            "d4565fa74d724749b3d3740edbf87770",
            "d4565fa7-4d72-4749-b3d3-740edbf8777é",
            "{d4565fa7-4d72-4749-b3d3-740edbf8777}",
        ] {
            assert_eq!(uuid(wrong), Err(Failure::MalformedRequest), "{wrong}");
        }
    }

    #[test]
    fn names_are_kept_on_one_short_line() {
        assert_eq!(shown(" Kiva's\n\u{1b}Phone "), "Kiva's  Phone");
        assert_eq!(shown(&"é".repeat(1000)).chars().count(), NAME);
    }
}
