//! XEP-0386: Bind 2. Part of the login, so it lives where streams begin; what modules do with a bind they register
//! by `bind_inline`. Here: what the client finds in its archive.

use std::sync::Arc;

use waxwing_kernel::{About, Module, On, Session, Setup, SetupError};
use waxwing_store::StoreError;

use crate::archive::write_metadata;

pub struct Bind2;

impl Module for Bind2 {
    const ABOUT: About = About { xep: 386, version: "1.1.0", name: "Bind 2", features: &[], identities: &[] };

    fn new(_: &Setup<'_>) -> Result<Bind2, SetupError> {
        Ok(Bind2)
    }

    fn install(on: &mut On<'_, Bind2>) {
        on.bound(Bind2::bound);
    }
}

impl Bind2 {
    /// §3.2. What cannot be read is left out, and then nothing is taken from what waits.
    async fn bound(self: Arc<Self>, session: Arc<Session>) -> Vec<u8> {
        let mut out = Vec::new();
        if let Err(error) = metadata(&session, &mut out).await {
            tracing::error!(account = %session.account.jid, %error, "a client cannot be told of its archive");
            out.clear();
        }
        out
    }
}

/// The archive up to which nothing arrives by itself, and after which everything does. "Clear the offline messages (as
/// they will be provided by MAM)": those that will.
async fn metadata(session: &Session, out: &mut Vec<u8>) -> Result<(), StoreError> {
    let account = &session.account;
    if !account.archive_policy().await?.keeps() {
        return Ok(());
    }
    let ends = account.archive_before(session).await?;
    write_metadata(out, account, ends.as_ref());
    account.leave_to_archive(session).await
}
