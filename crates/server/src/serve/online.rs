//! The operator's commands on a running server.

use std::sync::Arc;

use async_trait::async_trait;
use jid::{BareJid, Jid};
use waxwing_admin::{
    AccountInfo, AdminError, DeviceInfo, Draft, Operator, PushInfo, ReportContent, ReportInfo, Setting,
    push_registrations,
};
use waxwing_kernel::{Account, Archiving, Closing, Core, now};
use waxwing_sasl::Keys;
use waxwing_store::{AccountRow, NewAccount, ReportQuery, Write};

/// Accounts in one page of a list.
const PAGE: u32 = 500;

/// An [`Operator`] that knows who is connected.
pub struct Online {
    core: Arc<Core>,
}

impl Online {
    pub fn new(core: Arc<Core>) -> Online {
        Online { core }
    }

    async fn account(&self, jid: &BareJid) -> Result<Arc<Account>, AdminError> {
        let host = self.core.host(jid.domain().as_str());
        let host = host.ok_or_else(|| AdminError(format!("{} is not served here", jid.domain())))?;
        let found = self.core.directory.find(host, &Arc::new(Jid::from(jid.clone()))).await?;
        found.ok_or_else(|| AdminError::no_account(jid.as_str()))
    }

    async fn row(&self, jid: &str) -> Result<AccountRow, AdminError> {
        self.core.store.account(jid).await?.ok_or_else(|| AdminError::no_account(jid))
    }
}

#[async_trait]
impl Operator for Online {
    async fn create(&self, drafts: Vec<Draft>) -> Result<Vec<bool>, AdminError> {
        let created = now();
        let account = |Draft { jid, keys, admin }| NewAccount {
            jid: jid.into_inner(),
            keys: keys.to_bytes(),
            admin,
            created,
        };
        let new: Vec<NewAccount> = drafts.into_iter().map(account).collect();
        Ok(self.core.store.create_accounts(&new).await?.iter().map(Option::is_some).collect())
    }

    async fn set_keys(&self, jid: &BareJid, keys: Keys) -> Result<(), AdminError> {
        let account = self.account(jid).await?;
        let write = Write::Keys { owner: account.id, keys: keys.to_bytes() };
        self.core.writer.commit(vec![write]).await?;
        account.devices.tokens_voided();
        // Connected clients have proven themselves; one that only waits to be resumed has to log in anew.
        let waiting = account.resources(|resources| {
            let hibernated = resources.iter().filter(|resource| resource.session.is_hibernated());
            hibernated.map(|resource| resource.session.clone()).collect::<Vec<_>>()
        });
        for session in waiting {
            session.close(Closing {
                condition: "not-authorized",
                text: "the password was changed",
                resumable: false,
            });
            waxwing_im::end(&session).await;
        }
        Ok(())
    }

    async fn set_disabled(&self, jid: &BareJid, disabled: bool) -> Result<(), AdminError> {
        let account = self.account(jid).await?;
        self.core.writer.commit(vec![Write::Disabled { owner: account.id, disabled }]).await?;
        if disabled {
            account.devices.tokens_voided();
            waxwing_im::close_account(&account, "the account was disabled").await;
        } else {
            account.reopen();
        }
        Ok(())
    }

    async fn set(&self, jid: &BareJid, setting: Setting) -> Result<(), AdminError> {
        let account = self.account(jid).await?;
        match setting {
            Setting::Archive(policy) => account.set_archive_policy(policy).await?,
            Setting::Retention(retention) => account.set_archive_retention(retention).await?,
            Setting::LastSeen(seen) => account.set_last_seen(seen).await?,
        }
        Ok(())
    }

    async fn remove(&self, jid: &BareJid) -> Result<(), AdminError> {
        let account = self.account(jid).await?;
        Ok(waxwing_im::remove_account(&account).await?)
    }

    async fn devices(&self, jid: &BareJid) -> Result<Vec<DeviceInfo>, AdminError> {
        let row = self.row(jid.as_str()).await?;
        Ok(self.core.store.devices(row.id).await?.into_iter().map(DeviceInfo::from).collect())
    }

    async fn revoke(&self, jid: &BareJid, device: &str) -> Result<(), AdminError> {
        let account = self.account(jid).await?;
        if !waxwing_im::revoke_device(&account, device).await? {
            return Err(AdminError::no_device(jid.as_str(), device));
        }
        Ok(())
    }

    async fn show(&self, jid: &BareJid) -> Result<AccountInfo, AdminError> {
        let row = self.row(jid.as_str()).await?;
        let account = self.account(jid).await?;
        let resources = account.resources(|resources| {
            resources.iter().map(|resource| resource.name().to_owned()).collect::<Vec<_>>()
        });
        let last_seen = account.last_seen().await?.name().to_owned();
        let archiving = Archiving::stored(&*self.core.store, row.id).await?;
        let mut info = AccountInfo { pending: account.pending(), resources, last_seen, ..info(row) };
        info.tell_archiving(&archiving);
        Ok(info)
    }

    async fn push(&self, jid: &BareJid) -> Result<Vec<PushInfo>, AdminError> {
        push_registrations(&*self.core.store, self.row(jid.as_str()).await?.id).await
    }

    async fn reports(&self, query: &ReportQuery) -> Result<Vec<ReportInfo>, AdminError> {
        waxwing_admin::reports(&*self.core.store, query).await
    }

    async fn report(&self, id: u64) -> Result<(ReportInfo, ReportContent), AdminError> {
        waxwing_admin::report(&*self.core.store, id).await
    }

    async fn remove_report(&self, id: u64) -> Result<(), AdminError> {
        waxwing_admin::remove_report(&*self.core.store, id).await
    }

    async fn list(&self, after: Option<&str>) -> Result<Vec<AccountInfo>, AdminError> {
        Ok(self.core.store.accounts(after, PAGE).await?.into_iter().map(info).collect())
    }
}

fn info(row: AccountRow) -> AccountInfo {
    let AccountRow { jid, admin, disabled, created, .. } = row;
    AccountInfo { jid, admin, disabled, created, ..AccountInfo::default() }
}
