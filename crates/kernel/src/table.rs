//! What the modules of a host have registered, in the order of the module list.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use waxwing_stanza::{Addr, IqType, Kind, Stanza, StanzaError};
use waxwing_store::Doc;
use waxwing_xml::Element;

use crate::{
    About, Account, Amending, At, Command, Copying, Identity, InfoForm, InlineBind, Kinds, Passing, Place,
    Point, Reply, Request, Run, Session, Stage, Unread, Verdict,
};

type Answer = Pin<Box<dyn Future<Output = Result<Reply, StanzaError>> + Send>>;
type Load = Box<dyn Fn(&Account, Vec<Doc>) + Send + Sync>;
type Guard = Box<dyn Fn(&Passing<'_>) -> Verdict + Send + Sync>;
type Amend = Box<dyn Fn(&mut Amending<'_>) + Send + Sync>;
type Copy = Box<dyn Fn(&mut Copying<'_>) + Send + Sync>;
type Gone = Box<dyn Fn(&Arc<Account>, &Stanza) + Send + Sync>;
type UnreadHook = Box<dyn Fn(Unread) + Send + Sync>;
type Asked = Box<dyn Fn(&Arc<Account>, &Addr) + Send + Sync>;
type Nonza = Box<dyn Fn(&Arc<Session>, &Element) + Send + Sync>;
type InlineBinder = Box<dyn Fn(&mut InlineBind<'_>) + Send + Sync>;
type Bound = Box<dyn Fn(Arc<Session>) -> Pin<Box<dyn Future<Output = Vec<u8>> + Send>> + Send + Sync>;
type StreamFeature = Box<dyn Fn(&mut Vec<u8>) + Send + Sync>;
pub(crate) type Staged = Pin<Box<dyn Future<Output = Result<Stage, StanzaError>> + Send>>;
type Runner = Box<dyn Fn(Run) -> Staged + Send + Sync>;
pub(crate) type Handler = Box<dyn Fn(Request<()>) -> Answer + Send + Sync>;

/// Which request a handler is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub at: At,
    pub set: bool,
    pub ns: String,
    pub name: String,
}

/// See the module.
#[derive(Default)]
pub struct Table {
    pub(crate) abouts: Vec<About>,
    /// By the kind of the docs.
    pub(crate) loads: Vec<(&'static str, Load)>,
    pub(crate) guards: Vec<(Point, Kinds, Guard)>,
    pub(crate) amends: Vec<(Point, Kinds, Amend)>,
    pub(crate) copies: Vec<(Point, Kinds, Copy)>,
    pub(crate) handlers: HashMap<Key, Handler>,
    pub(crate) commands: Vec<(Command, Runner)>,
    /// By name and namespace.
    pub(crate) nonzas: Vec<(&'static str, &'static str, Nonza)>,
    pub(crate) unread: Vec<UnreadHook>,
    pub(crate) asked: Vec<Asked>,
    pub(crate) gone: Vec<Gone>,
    pub(crate) inline_binds: Vec<(&'static str, InlineBinder)>,
    pub(crate) bound: Vec<Bound>,
    pub(crate) host_forms: Vec<InfoForm>,
    pub(crate) stream_features: Vec<StreamFeature>,
    /// What was registered, in order, for people.
    pub(crate) listing: Vec<String>,
    /// Two modules claimed the same, or a payload names no element: told when the server starts.
    pub(crate) faults: Vec<String>,
}

impl Table {
    /// What is wrong with the registrations, if anything is.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Everything registered, a line each, in the order in which it takes effect.
    pub fn listing(&self) -> &[String] {
        &self.listing
    }

    pub fn abouts(&self) -> &[About] {
        &self.abouts
    }

    pub fn features(&self, place: Place) -> impl Iterator<Item = &'static str> {
        let all = self.abouts.iter().flat_map(|about| about.features);
        all.filter(move |feature| feature.0 == place).map(|feature| feature.1)
    }

    pub fn identities(&self, place: Place) -> impl Iterator<Item = &'static Identity> {
        self.abouts.iter().flat_map(|about| about.identities).filter(move |identity| identity.place == place)
    }

    /// What the server says of itself beyond identities and features.
    pub fn host_forms(&self) -> &[InfoForm] {
        &self.host_forms
    }

    /// The kinds of docs that modules have read with an account.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.loads.iter().map(|(kind, _)| *kind)
    }

    /// Hands over what was read with an account.
    pub(crate) fn load(&self, account: &Account, docs: &mut HashMap<String, Vec<Doc>>) {
        for (kind, take) in &self.loads {
            take(account, docs.remove(*kind).unwrap_or_default());
        }
    }

    /// Asks the guards of a point. `Err(None)`: dropped in silence; `Err(Some(_))`: refused.
    pub async fn guard(&self, passing: &Passing<'_>) -> Result<(), Option<StanzaError>> {
        for (point, kinds, guard) in &self.guards {
            if *point != passing.point || !kinds.includes(passing.stanza.kind) {
                continue;
            }
            let verdict = match guard(passing) {
                Verdict::AskAgain(load) => match load.await {
                    Ok(()) => guard(passing),
                    Err(error) => {
                        tracing::error!(%error, "a rule could not be loaded: the stanza is refused");
                        return Err(Some(StanzaError::unanswering()));
                    }
                },
                verdict => verdict,
            };
            match verdict {
                Verdict::Pass => {}
                Verdict::Drop => return Err(None),
                Verdict::Refuse(error) => return Err(Some(error)),
                Verdict::AskAgain(_) => return Err(Some(StanzaError::unanswering())),
            }
        }
        Ok(())
    }

    /// Lets modules change a stanza.
    pub fn amend(&self, point: Point, amending: &mut Amending<'_>) {
        for (at, kinds, amend) in &self.amends {
            if *at == point && kinds.includes(amending.stanza.kind) {
                amend(amending);
            }
        }
    }

    pub(crate) fn makes_copies(&self, point: Point, stanza: &Stanza) -> bool {
        self.copies.iter().any(|(at, kinds, _)| *at == point && kinds.includes(stanza.kind))
    }

    pub(crate) fn copy(&self, point: Point, copying: &mut Copying<'_>) {
        for (at, kinds, copy) in &self.copies {
            if *at == point && kinds.includes(copying.stanza.kind) {
                copy(copying);
            }
        }
    }

    /// Answers a request, `None` where nobody handles its payload.
    pub async fn answer(&self, at: At, request: Request<()>) -> Option<Result<Reply, StanzaError>> {
        let stanza = request.stanza.clone();
        let set = match stanza.kind {
            Kind::Iq(IqType::Get) => false,
            Kind::Iq(IqType::Set) => true,
            _ => return None,
        };
        let payload = stanza.children().next()?;
        let (name, ns) = (payload.name(stanza.element()).to_owned(), payload.ns(stanza.element()).to_owned());
        let handler = self.handlers.get(&Key { at, set, ns, name })?;
        Some(handler(request).await)
    }

    /// The commands that every account of the host may run for itself.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.commands.iter().map(|(command, _)| command)
    }

    pub fn command(&self, node: &str) -> Option<&Command> {
        self.commands().find(|command| command.node == node)
    }

    /// Runs a command's next stage; `None` where there is no such command.
    pub async fn run(&self, node: &str, run: Run) -> Option<Result<Stage, StanzaError>> {
        let (_, runner) = self.commands.iter().find(|(command, _)| command.node == node)?;
        Some(runner(run).await)
    }

    /// Hands over an element of a client's stream that is no stanza; `false` where nobody knows it.
    pub fn nonza(&self, session: &Arc<Session>, element: &Element) -> bool {
        let mut known =
            self.nonzas.iter().filter(|nonza| (nonza.0, nonza.1) == (element.name(), element.ns()));
        let Some((_, _, took)) = known.next() else { return false };
        took(session, element);
        true
    }

    /// What modules can do together with the binding of a resource.
    pub fn inline_features(&self) -> impl Iterator<Item = &'static str> {
        self.inline_binds.iter().map(|(feature, _)| *feature)
    }

    /// Lets modules see to what was asked together with the binding of a resource.
    pub fn bind_inline(&self, inline: &mut InlineBind<'_>) {
        for (_, bind) in &self.inline_binds {
            bind(inline);
        }
    }

    /// What modules have to say to a client whose resource was bound together with more.
    pub async fn bound(&self, session: &Arc<Session>) -> Vec<u8> {
        let mut out = Vec::new();
        for bound in &self.bound {
            out.append(&mut bound(session.clone()).await);
        }
        out
    }

    /// Writes what modules add to the stream features of an authenticated client.
    pub fn write_stream_features(&self, out: &mut Vec<u8>) {
        for feature in &self.stream_features {
            feature(out);
        }
    }

    /// An account has a message that nobody has acknowledged yet.
    pub fn unread(&self, unread: Unread) {
        for hook in &self.unread {
            hook(unread.clone());
        }
    }

    /// Somebody asks to see the account's presence.
    pub fn asked(&self, account: &Arc<Account>, by: &Addr) {
        for asked in &self.asked {
            asked(account, by);
        }
    }

    /// The account's last resource has become unavailable.
    pub fn gone(&self, account: &Arc<Account>, unavailable: &Stanza) {
        for gone in &self.gone {
            gone(account, unavailable);
        }
    }
}
