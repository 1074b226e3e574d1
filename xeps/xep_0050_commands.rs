//! XEP-0050: Ad-Hoc Commands. Other modules offer them (`on.command`); here runs are led from stage to stage. A command
//! is for the asker's own account, whether the account or its server is asked.

mod answer;
mod sessions;

use std::sync::Arc;

use minidom::Element;
use waxwing_kernel::{About, At, Feature, Module, On, Place, Reply, Request, Run, Setup, SetupError, Stage};
use waxwing_stanza::{Condition, ErrorType, StanzaError};

use self::sessions::{Sessions, Waiting};
use crate::commands::{COMMANDS, bad, bad_payload, offers};
use crate::form;

/// Bytes of a command with its form.
const LARGEST: usize = 16 << 10;

pub struct Commands {
    sessions: Sessions,
}

/// §4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// Whichever of the next two the stage allows.
    Execute,
    Next,
    Complete,
    Prev,
    Cancel,
}

impl Module for Commands {
    const ABOUT: About = About {
        xep: 50,
        version: "1.3.0",
        name: "Ad-Hoc Commands",
        features: &[Feature(Place::Host, COMMANDS), Feature(Place::Account, COMMANDS)],
        identities: &[],
    };

    fn new(setup: &Setup<'_>) -> Result<Commands, SetupError> {
        Ok(Commands { sessions: Sessions::new(setup.command_sessions) })
    }

    fn install(on: &mut On<'_, Commands>) {
        for at in [At::Host, At::Own] {
            on.set_named(at, "command", COMMANDS, Commands::command);
        }
    }
}

impl Commands {
    async fn command(self: Arc<Self>, request: Request<Element>) -> Result<Reply, StanzaError> {
        let asked = &request.payload;
        let node = asked.attr("node").ok_or(StanzaError::new(Condition::BadRequest))?;
        let known = request.host.table().command(node).ok_or(StanzaError::new(Condition::ItemNotFound))?;
        if !offers(&request) {
            return Err(StanzaError::new(Condition::Forbidden).kind(ErrorType::Cancel));
        }
        let (session, node) = (request.session()?, known.node);
        let action = Action::read(asked.attr("action"))?;
        let Some(id) = asked.attr("sessionid") else {
            may_begin(asked, action)?;
            return self.stage(&request, node, self.sessions.number(), Vec::new()).await;
        };
        let waiting = self.sessions.take(session, id, node)?;
        if action == Action::Cancel {
            return Ok(answer::canceled(node, id));
        }
        let answered = match step(&waiting, action, &request) {
            Ok(forms) => self.stage(&request, node, waiting.number, forms).await,
            Err(error) => Err(error),
        };
        if answered.is_err() {
            // What was asked can be answered in another way.
            self.sessions.put(session, waiting)?;
        }
        answered
    }

    async fn stage(
        &self,
        request: &Request<Element>,
        node: &'static str,
        number: u64,
        forms: Vec<String>,
    ) -> Result<Reply, StanzaError> {
        let session = request.session()?;
        let id = sessions::id(session, number);
        let read: Result<_, _> = forms.iter().map(|form| form.parse::<Element>()).collect();
        let read = read.map_err(|_| StanzaError::new(Condition::InternalServerError))?;
        let run = Run { session: session.clone(), forms: read };
        match request.host.table().run(node, run).await.ok_or(StanzaError::new(Condition::ItemNotFound))?? {
            Stage::Ask { form, last } => {
                let reply = answer::executing(node, &id, !forms.is_empty(), last, &form);
                self.sessions.put(session, Waiting::new(session, number, node, forms, last))?;
                Ok(reply)
            }
            Stage::Done { payload, note } => Ok(answer::completed(node, &id, &payload, note.as_deref())),
        }
    }
}

/// Whether a run may begin. A form that comes along is not looked at: nothing was asked yet.
fn may_begin(asked: &Element, action: Action) -> Result<(), StanzaError> {
    if action != Action::Execute {
        return Err(bad("bad-action"));
    }
    // The stanza's language is the one that a client gives everything: no reason to refuse what there is in English only.
    // On the command itself it is asked for (§3.7).
    let lang = asked.attr_ns("http://www.w3.org/XML/1998/namespace", "lang");
    let english = |lang: &str| lang.get(..2).is_some_and(|language| language.eq_ignore_ascii_case("en"));
    if lang.is_some_and(|lang| !lang.is_empty() && !english(lang)) {
        return Err(bad("bad-locale"));
    }
    Ok(())
}

/// The forms of a run after an action.
fn step(waiting: &Waiting, action: Action, request: &Request<Element>) -> Result<Vec<String>, StanzaError> {
    let mut forms = waiting.forms.clone();
    match action {
        Action::Prev => {
            forms.pop().ok_or_else(|| bad("bad-action"))?;
            return Ok(forms);
        }
        Action::Next if waiting.last => return Err(bad("bad-action")),
        Action::Complete if !waiting.last => return Err(bad("bad-action")),
        _ => {}
    }
    let bytes: usize = request.stanza.children().map(|child| child.range().len()).sum();
    if bytes > LARGEST {
        return Err(bad("bad-payload").text(format!("a command may have {LARGEST} bytes here at most")));
    }
    let submitted =
        form::submitted(&request.payload).ok_or_else(|| bad_payload("a filled in form is missing"))?;
    forms.push(String::from(submitted));
    Ok(forms)
}

impl Action {
    fn read(action: Option<&str>) -> Result<Action, StanzaError> {
        Ok(match action {
            None | Some("execute") => Action::Execute,
            Some("next") => Action::Next,
            Some("complete") => Action::Complete,
            Some("prev") => Action::Prev,
            Some("cancel") => Action::Cancel,
            Some(_) => return Err(bad("malformed-action")),
        })
    }
}

#[cfg(test)]
mod tests;
