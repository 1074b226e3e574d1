//! What every database must do, as tests: each backend runs all of them with [`suite!`](crate::suite!).

// Tests may panic; these live here only to be shared.
#![allow(clippy::unwrap_used, missing_docs)]

mod accounts;
mod archive;
mod crash;
mod log;
mod rate;
mod reports;
mod retention;
mod rows;
mod search;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;

pub use self::{
    accounts::*, archive::*, crash::*, log::*, rate::append_rate, reports::*, retention::*, rows::*,
    search::*, writer::*,
};
use crate::{LogRow, Marks, NewAccount, OwnerId, Seq, Store, StoreError, Write};

/// An empty database of one test, which goes when this is dropped.
#[async_trait]
pub trait Database: Send + Sync {
    /// Opens it; again after [`Store::close`] and a drop.
    async fn open(&self) -> Result<Arc<dyn Store>, StoreError>;
}

/// Makes a test of every one of them. `$fresh` is an async function that gives a [`Database`].
#[macro_export]
macro_rules! suite {
    ($fresh:path) => {
        $crate::suite!($fresh:
            accounts_are_made_once an_account_is_loaded_whole accounts_in_pages_by_jid account_numbers_are_not_used_again
            who_asks_at_the_same_time_gets_his_own
            keys_and_disabling devices tokens_go_with_the_password keys_are_upgraded_once removal_takes_every_row writes_for_nobody_change_nothing
            appends_are_pending_in_order pending_in_pages an_append_is_idempotent
            settling_takes_marks_off settled_before_written a_large_batch_of_every_size
            order_around_a_removal what_a_log_looks_like
            an_archive_in_pages what_is_pending_and_archived one_conversation some_positions words_are_found what_is_gone_is_not_found a_page_costs_the_same_everywhere
            trimming_keeps_the_newest trimming_keeps_pending what_is_too_old_goes archives_in_pages positions_are_not_used_again
            resend_keys resend_keys_twice resend_keys_go reports_are_kept_in_order reports_are_bounded rosters strange_rosters docs long_and_strange_keys meta
            everything_survives_reopening
            the_writer_keeps_order one_bad_unit_hurts_nobody settles_join_the_batch many_senders);
    };
    ($fresh:path: $($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                let database = $fresh().await;
                $crate::suite::$name(&database).await;
            }
        )*
    };
}

pub(crate) const PENDING: Marks = Marks { archived: false, pending: true };
pub(crate) const ARCHIVED: Marks = Marks { archived: true, pending: false };
pub(crate) const BOTH: Marks = Marks { archived: true, pending: true };

pub(crate) async fn account(store: &dyn Store, jid: &str) -> OwnerId {
    let new = NewAccount { jid: jid.to_owned(), keys: vec![1, 2], admin: false, created: 7 };
    store.create_accounts(&[new]).await.unwrap()[0].unwrap()
}

pub(crate) fn entry(owner: OwnerId, seq: Seq, marks: Marks) -> LogRow {
    let stanza = format!("'stanza' {seq} ünïcode 🐦");
    LogRow {
        owner,
        seq,
        at: seq.cast_signed().saturating_add(1000),
        marks,
        peer: "péer@example.org".into(),
        stanza: stanza.into_bytes().into(),
    }
}

pub(crate) fn append(owner: OwnerId, seq: Seq, marks: Marks) -> Write {
    Write::Append(entry(owner, seq, marks))
}

pub(crate) async fn apply(store: &dyn Store, writes: &[Write]) {
    let writes: Vec<&Write> = writes.iter().collect();
    store.apply(&writes).await.unwrap();
}

pub(crate) async fn pending(store: &dyn Store, owner: OwnerId) -> Vec<Seq> {
    store.log_pending(owner, 0, u32::MAX >> 1).await.unwrap().iter().map(|row| row.seq).collect()
}
