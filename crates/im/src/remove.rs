//! The end of an account.

use std::sync::Arc;

use jid::Jid;
use waxwing_kernel::{Account, Closing};
use waxwing_store::{StoreError, Write};

use crate::roster::{Parting, part};
use crate::session::end;

/// Ends all sessions of an account, those that wait to be resumed included, and lets nobody bind.
pub async fn close_account(account: &Arc<Account>, text: &'static str) {
    let closing = Closing { condition: "not-authorized", text, resumable: false };
    for session in account.close(closing) {
        // The stream is closed by whoever serves it; the session is over at once.
        end(&session).await;
    }
}

/// Removes an account with every trace of it: its sessions end with `<not-authorized/>` (XEP-0077 §3.2), its
/// rows go, and contacts learn that both subscriptions are over.
pub async fn remove_account(account: &Arc<Account>) -> Result<(), StoreError> {
    let core = account.core();
    close_account(account, "the account was removed").await;
    let removal = async {
        // The contacts first: a crash in between leaves an account that can be removed once more, and in nobody's roster
        // a name that another may take.
        let roster = core.rosters.get(account.id).await?;
        for row in roster.rows.values() {
            if let Ok(contact) = Jid::new(&row.contact) {
                let parted = part(account, &Arc::new(contact), row, Parting::Gone).await;
                parted.map_err(|_| StoreError("a contact's roster could not be changed".to_owned()))?;
            }
        }
        // What was queued for it comes before the removal; what comes later finds no owner.
        core.writer.commit(vec![Write::RemoveAccount { owner: account.id }]).await
    };
    // Where it cannot be removed, it is there: its owner may come back.
    removal.await.inspect_err(|_: &StoreError| account.reopen())?;
    core.directory.forget(account);
    core.rosters.forget(account.id);
    core.archiving.forget(account.id);
    Ok(())
}
