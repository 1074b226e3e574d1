//! Working on the database itself.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use jid::BareJid;
use waxwing_kernel::{Archiving, LastSeen, policy_write, retention_write};
use waxwing_sasl::Keys;
use waxwing_store::{
    AccountRow, NewAccount, ReportQuery, RosterRow, Store, Subscription, Write, Writer, WriterOptions,
};

use crate::operator::{AccountInfo, DeviceInfo, Draft, Operator, Setting};
use crate::{AdminError, PushInfo, ReportContent, ReportInfo, push_registrations, wire};

/// An [`Operator`] on a database that no server uses: there are no sessions to end and nobody to notify.
pub struct Offline {
    store: Arc<dyn Store>,
    writer: Writer,
}

impl Offline {
    /// Must be called within a tokio runtime.
    pub fn new(store: Arc<dyn Store>) -> Self {
        let writer = Writer::start(store.clone(), WriterOptions::default());
        Self { store, writer }
    }

    /// Lets go of the database in good order.
    pub async fn close(&self) {
        self.writer.stop().await;
        self.store.close().await;
    }

    async fn row(&self, jid: &BareJid) -> Result<AccountRow, AdminError> {
        self.store.account(jid.as_str()).await?.ok_or_else(|| AdminError::no_account(jid.as_str()))
    }

    /// What the subscriptions' end leaves in the rosters of the account's contacts here (RFC 6121 §3.2.2, §3.3.2).
    async fn forget_in_rosters(&self, removed: &AccountRow) -> Result<Vec<Write>, AdminError> {
        let mut writes = Vec::new();
        for contact in self.store.roster(removed.id).await?.rows {
            let Some(contact) = self.store.account(&contact.contact).await? else { continue };
            let roster = self.store.roster(contact.id).await?;
            let Some(row) = roster.rows.into_iter().find(|row| row.contact == removed.jid) else { continue };
            let (owner, version) = (contact.id, roster.version + 1);
            writes.push(match without_subscriptions(row) {
                Some(row) => Write::RosterSet { owner, version, row },
                None => Write::RosterRemove { owner, version, contact: removed.jid.clone() },
            });
        }
        Ok(writes)
    }
}

/// The row after `unsubscribe` and `unsubscribed` from the contact; `None` where nothing is left of it.
fn without_subscriptions(row: RosterRow) -> Option<RosterRow> {
    let row =
        RosterRow { subscription: Subscription::None, ask: false, approved: false, request: None, ..row };
    row.listed.then_some(row)
}

#[async_trait]
impl Operator for Offline {
    async fn create(&self, drafts: Vec<Draft>) -> Result<Vec<bool>, AdminError> {
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let created = i64::try_from(created).unwrap_or(i64::MAX);
        let new: Vec<NewAccount> = drafts
            .into_iter()
            .map(|Draft { jid, keys, admin }| NewAccount {
                jid: jid.into_inner(),
                keys: keys.to_bytes(),
                admin,
                created,
            })
            .collect();
        Ok(self.store.create_accounts(&new).await?.iter().map(Option::is_some).collect())
    }

    async fn set_keys(&self, jid: &BareJid, keys: Keys) -> Result<(), AdminError> {
        let owner = self.row(jid).await?.id;
        Ok(self.writer.commit(vec![Write::Keys { owner, keys: keys.to_bytes() }]).await?)
    }

    async fn set_disabled(&self, jid: &BareJid, disabled: bool) -> Result<(), AdminError> {
        let owner = self.row(jid).await?.id;
        Ok(self.writer.commit(vec![Write::Disabled { owner, disabled }]).await?)
    }

    async fn set(&self, jid: &BareJid, setting: Setting) -> Result<(), AdminError> {
        let owner = self.row(jid).await?.id;
        let policy = match setting {
            Setting::Archive(policy) => policy,
            // What is too old by it goes when a server runs.
            Setting::Retention(retention) => {
                return Ok(self.writer.commit(vec![retention_write(owner, retention)]).await?);
            }
            Setting::LastSeen(seen) => return Ok(self.writer.commit(vec![seen.write(owner)]).await?),
        };
        self.writer.commit(vec![policy_write(owner, policy)]).await?;
        if policy.is_some_and(|policy| !policy.keeps()) {
            self.store.trim_archive(owner, 0).await?;
        }
        Ok(())
    }

    async fn remove(&self, jid: &BareJid) -> Result<(), AdminError> {
        let row = self.row(jid).await?;
        let mut writes = self.forget_in_rosters(&row).await?;
        writes.push(Write::RemoveAccount { owner: row.id });
        Ok(self.writer.commit(writes).await?)
    }

    async fn devices(&self, jid: &BareJid) -> Result<Vec<DeviceInfo>, AdminError> {
        let owner = self.row(jid).await?.id;
        Ok(self.store.devices(owner).await?.into_iter().map(DeviceInfo::from).collect())
    }

    async fn revoke(&self, jid: &BareJid, device: &str) -> Result<(), AdminError> {
        let owner = self.row(jid).await?.id;
        if self.store.device(owner, device).await?.is_none() {
            return Err(AdminError::no_device(jid.as_str(), device));
        }
        Ok(self.writer.commit(vec![Write::DeviceRemove { owner, id: device.to_owned() }]).await?)
    }

    async fn show(&self, jid: &BareJid) -> Result<AccountInfo, AdminError> {
        let row = self.row(jid).await?;
        let pending = self.store.log_head(row.id).await?.pending;
        let last_seen = LastSeen::stored(&*self.store, row.id).await?.name().to_owned();
        let archiving = Archiving::stored(&*self.store, row.id).await?;
        let mut info = AccountInfo { pending, last_seen, ..info(row) };
        info.tell_archiving(&archiving);
        Ok(info)
    }

    async fn push(&self, jid: &BareJid) -> Result<Vec<PushInfo>, AdminError> {
        push_registrations(&*self.store, self.row(jid).await?.id).await
    }

    async fn reports(&self, query: &ReportQuery) -> Result<Vec<ReportInfo>, AdminError> {
        crate::reports(&*self.store, query).await
    }

    async fn report(&self, id: u64) -> Result<(ReportInfo, ReportContent), AdminError> {
        crate::report(&*self.store, id).await
    }

    async fn remove_report(&self, id: u64) -> Result<(), AdminError> {
        crate::remove_report(&*self.store, id).await
    }

    async fn list(&self, after: Option<&str>) -> Result<Vec<AccountInfo>, AdminError> {
        Ok(self.store.accounts(after, wire::PAGE).await?.into_iter().map(info).collect())
    }
}

fn info(row: AccountRow) -> AccountInfo {
    let AccountRow { jid, admin, disabled, created, .. } = row;
    AccountInfo { jid, admin, disabled, created, ..AccountInfo::default() }
}
