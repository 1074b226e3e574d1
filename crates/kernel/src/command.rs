//! Commands that people run from their clients, in stages.

use std::sync::Arc;

use minidom::Element;

use crate::Session;

/// What a command is known by.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// Unique on its host.
    pub node: &'static str,
    /// For people, in English.
    pub name: &'static str,
}

/// A run of a command, as far as it has come. The command is asked anew at each stage, also when the asker goes back, so
/// it changes nothing before the last.
pub struct Run {
    /// The asker's: a command is for accounts of its own host only.
    pub session: Arc<Session>,
    /// The forms filled in so far, one of each stage. The newest is judged by this call.
    pub forms: Vec<Element>,
}

/// What comes of it.
#[derive(Debug)]
pub enum Stage {
    /// A form is to be filled in; `last`: nothing is asked after it.
    Ask { form: Vec<u8>, last: bool },
    /// It is done: what there is to show, perhaps nothing, and to say.
    Done { payload: Vec<u8>, note: Option<String> },
}
