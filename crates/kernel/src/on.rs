//! How a module registers what it takes part in.

use std::sync::Arc;

use waxwing_stanza::{Addr, Condition, Stanza, StanzaError, decode};
use waxwing_store::Doc;
use waxwing_xml::Element;
use xso::FromXml;
use xso::fromxml::XmlNameMatcher;

use crate::table::{Handler, Key, Staged};
use crate::{
    Account, Amending, At, Command, Copying, InfoForm, InlineBind, Kinds, Module, Passing, Point, Reply,
    Request, Run, Session, Setup, SetupError, Stage, Table, Unread, Verdict,
};

/// The registrations of one module on one host.
pub struct On<'a, M> {
    table: &'a mut Table,
    module: Arc<M>,
}

impl Table {
    /// Makes a module and lets it register.
    pub fn install<M: Module>(&mut self, setup: &Setup<'_>) -> Result<(), SetupError> {
        let module = Arc::new(M::new(setup)?);
        self.abouts.push(M::ABOUT);
        M::install(&mut On { table: self, module });
        Ok(())
    }
}

impl<M: Module> On<'_, M> {
    /// Answers IQ gets whose payload is a `P`.
    pub fn get<P, F>(&mut self, at: At, handler: fn(Arc<M>, Request<P>) -> F)
    where
        P: FromXml + Send + 'static,
        F: Future<Output = Result<Reply, StanzaError>> + Send + 'static,
    {
        self.typed(at, false, handler);
    }

    /// Answers IQ sets whose payload is a `P`.
    pub fn set<P, F>(&mut self, at: At, handler: fn(Arc<M>, Request<P>) -> F)
    where
        P: FromXml + Send + 'static,
        F: Future<Output = Result<Reply, StanzaError>> + Send + 'static,
    {
        self.typed(at, true, handler);
    }

    fn typed<P, F>(&mut self, at: At, set: bool, handler: fn(Arc<M>, Request<P>) -> F)
    where
        P: FromXml + Send + 'static,
        F: Future<Output = Result<Reply, StanzaError>> + Send + 'static,
    {
        let XmlNameMatcher::Specific(ns, name) = P::xml_name_matcher() else {
            let module = M::ABOUT.name;
            self.table.faults.push(format!("{module}: a payload type that names no element; name it"));
            return;
        };
        self.named(at, set, name.as_ref(), ns, handler);
    }

    /// As [`On::get`], for payload types whose conversion is written by hand and names no element.
    pub fn get_named<P, F>(&mut self, at: At, name: &str, ns: &str, handler: fn(Arc<M>, Request<P>) -> F)
    where
        P: FromXml + Send + 'static,
        F: Future<Output = Result<Reply, StanzaError>> + Send + 'static,
    {
        self.named(at, false, name, ns, handler);
    }

    /// As [`On::set`], for payload types whose conversion is written by hand and names no element.
    pub fn set_named<P, F>(&mut self, at: At, name: &str, ns: &str, handler: fn(Arc<M>, Request<P>) -> F)
    where
        P: FromXml + Send + 'static,
        F: Future<Output = Result<Reply, StanzaError>> + Send + 'static,
    {
        self.named(at, true, name, ns, handler);
    }

    fn named<P, F>(&mut self, at: At, set: bool, name: &str, ns: &str, handler: fn(Arc<M>, Request<P>) -> F)
    where
        P: FromXml + Send + 'static,
        F: Future<Output = Result<Reply, StanzaError>> + Send + 'static,
    {
        let module = self.module.clone();
        let boxed: Handler = Box::new(move |request| {
            let module = module.clone();
            Box::pin(async move {
                let payload = first_payload::<P>(&request.stanza)?;
                handler(module, request.with(payload)).await
            })
        });
        let kind = if set { "set" } else { "get" };
        let key = Key { at, set, ns: ns.to_owned(), name: name.to_owned() };
        self.list(format!("iq {at:?} {kind} {{{ns}}}{name}"));
        if self.table.handlers.insert(key, boxed).is_some() {
            self.table.faults.push(format!("iq {at:?} {kind} {{{ns}}}{name}: two modules answer it"));
        }
    }

    /// Offers a command to every account of the host, for itself. Errors of a stage leave the run where it was.
    pub fn command<F>(&mut self, command: Command, handler: fn(Arc<M>, Run) -> F)
    where
        F: Future<Output = Result<Stage, StanzaError>> + Send + 'static,
    {
        let module = self.module.clone();
        self.list(format!("command {}", command.node));
        if self.table.command(command.node).is_some() {
            self.table.faults.push(format!("command {}: two modules offer it", command.node));
        }
        let run = Box::new(move |run| -> Staged { Box::pin(handler(module.clone(), run)) });
        self.table.commands.push((command, run));
    }

    /// Has the docs of a kind read together with each account; `take` gets an account's, by key, before anybody has the
    /// account. Must not wait.
    pub fn load(&mut self, kind: &'static str, take: fn(&Arc<M>, &Account, Vec<Doc>)) {
        let module = self.module.clone();
        self.list(format!("load {kind}"));
        let take = Box::new(move |account: &Account, docs| take(&module, account, docs));
        self.table.loads.push((kind, take));
    }

    /// Asks `guard` at a point.
    pub fn guard(&mut self, point: Point, kinds: Kinds, guard: fn(&Arc<M>, &Passing<'_>) -> Verdict) {
        let module = self.module.clone();
        self.list(format!("{point:?} guard {kinds:?}"));
        self.table.guards.push((point, kinds, Box::new(move |passing| guard(&module, passing))));
    }

    /// Lets `amend` change stanzas at a point.
    pub fn amend(&mut self, point: Point, kinds: Kinds, amend: fn(&Arc<M>, &mut Amending<'_>)) {
        let module = self.module.clone();
        self.list(format!("{point:?} amend {kinds:?}"));
        self.table.amends.push((point, kinds, Box::new(move |amending| amend(&module, amending))));
    }

    /// Lets `copy` give copies to the account's other sessions at a point.
    pub fn copy(&mut self, point: Point, kinds: Kinds, copy: fn(&Arc<M>, &mut Copying<'_>)) {
        let module = self.module.clone();
        self.list(format!("{point:?} copy {kinds:?}"));
        self.table.copies.push((point, kinds, Box::new(move |copying| copy(&module, copying))));
    }

    /// Called with each message that the log keeps until it is acknowledged, once whoever is connected was handed it: for
    /// accounts of which modules want to hear ([`Account::set_watched`]). Must not wait.
    pub fn unread(&mut self, unread: fn(&Arc<M>, Unread)) {
        let module = self.module.clone();
        self.list("unread".to_owned());
        self.table.unread.push(Box::new(move |message| unread(&module, message)));
    }

    /// Called when somebody asks to see an account's presence and has to be answered, once whoever is available was told.
    /// Must not wait.
    pub fn asked(&mut self, asked: fn(&Arc<M>, &Arc<Account>, &Addr)) {
        let module = self.module.clone();
        self.list("asked".to_owned());
        self.table.asked.push(Box::new(move |account, by| asked(&module, account, by)));
    }

    /// Called when an account's last resource has become unavailable, with its unavailable presence.
    pub fn gone(&mut self, gone: fn(&Arc<M>, &Arc<Account>, &Stanza)) {
        let module = self.module.clone();
        self.list("gone".to_owned());
        self.table.gone.push(Box::new(move |account, stanza| gone(&module, account, stanza)));
    }

    /// Called when an authenticated client sends this element, which is no stanza: in its order among the stanzas.
    pub fn nonza(
        &mut self,
        name: &'static str,
        ns: &'static str,
        took: fn(&Arc<M>, &Arc<Session>, &Element),
    ) {
        let module = self.module.clone();
        self.list(format!("nonza {{{ns}}}{name}"));
        if self.table.nonzas.iter().any(|nonza| (nonza.0, nonza.1) == (name, ns)) {
            self.table.faults.push(format!("nonza {{{ns}}}{name}: two modules take it"));
        }
        let took = move |session: &Arc<Session>, element: &Element| took(&module, session, element);
        self.table.nonzas.push((name, ns, Box::new(took)));
    }

    /// Takes part when a resource is bound together with more (an "inline" request). `feature` is advertised
    /// with the offer to do so. `bind` is called for every such request, with the session before anything can
    /// reach it; it looks for what it knows among what was asked, and writes its answer if it has one.
    pub fn bind_inline(&mut self, feature: &'static str, bind: fn(&Arc<M>, &mut InlineBind<'_>)) {
        let module = self.module.clone();
        self.list(format!("bind inline {feature}"));
        self.table.inline_binds.push((feature, Box::new(move |inline| bind(&module, inline))));
    }

    /// Called when a resource was bound together with more, before its client is told and before it sends anything: what
    /// is returned is written behind the answers of those who took part. Bound to the time that a login may take.
    pub fn bound<F>(&mut self, bound: fn(Arc<M>, Arc<Session>) -> F)
    where
        F: Future<Output = Vec<u8>> + Send + 'static,
    {
        let module = self.module.clone();
        self.list("bound".to_owned());
        self.table.bound.push(Box::new(move |session| Box::pin(bound(module.clone(), session))));
    }

    /// Adds a form to what the server says of itself; one without fields is left out.
    pub fn host_form(&mut self, form: fn(&M) -> InfoForm) {
        let form = form(&self.module);
        self.list(format!("host form {}", form.kind));
        if !form.fields.is_empty() {
            self.table.host_forms.push(form);
        }
    }

    /// Adds to the stream features of an authenticated client.
    pub fn stream_feature(&mut self, write: fn(&Arc<M>, &mut Vec<u8>)) {
        let module = self.module.clone();
        self.list("stream feature".to_owned());
        self.table.stream_features.push(Box::new(move |out| write(&module, out)));
    }

    fn list(&mut self, what: String) {
        self.table.listing.push(format!("XEP-{:04} {what}", M::ABOUT.xep));
    }
}

/// The payload of a request: its only child (RFC 6120 §8.2.3).
fn first_payload<P: FromXml>(stanza: &Stanza) -> Result<P, StanzaError> {
    let child = stanza.children().next().ok_or(StanzaError::new(Condition::BadRequest))?;
    decode(stanza, child)
}
