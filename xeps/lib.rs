//! One file per XEP, and the one list of them.
//!
//! A module takes part through the points of [`waxwing_kernel`] only. Where several register at the same point, the
//! order of the list is the order in which they are called.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod archive;
mod commands;
mod flags;
mod form;
mod info;
mod picture;
mod presence;
mod reference;
mod reports;
mod rsm;
#[cfg(test)]
mod tests;
mod words;

mod xep_0012_last_activity;
mod xep_0030_disco;
mod xep_0049_private_storage;
mod xep_0050_commands;
mod xep_0054_vcard;
mod xep_0059_rsm;
mod xep_0077_registration;
mod xep_0092_version;
mod xep_0114_components;
mod xep_0115_caps;
mod xep_0153_vcard_avatars;
mod xep_0157_contacts;
mod xep_0160_offline;
mod xep_0191_blocking;
mod xep_0198_stream_management;
mod xep_0199_ping;
mod xep_0202_time;
mod xep_0203_delay;
mod xep_0280_carbons;
mod xep_0313_archive;
mod xep_0334_hints;
mod xep_0352_csi;
mod xep_0357_push;
mod xep_0359_stanza_ids;
mod xep_0377_reports;
mod xep_0386_bind2;
mod xep_0388_sasl2;
mod xep_0431_full_text_search;
mod xep_0440_channel_binding;
mod xep_0441_archive_preferences;
mod xep_0455_outage;
mod xep_0474_downgrade;
mod xep_0478_stream_limits;
mod xep_0480_upgrade;
mod xep_0484_fast;
mod xep_0494_client_access;
mod xep_0509_pipelining;
mod xep_0515_tls_downgrade;

use waxwing_kernel::{About, Module, Setup, SetupError, Table};

pub use reference::reference;

macro_rules! modules {
    ($($file:ident::$module:ident,)*) => {
        /// The modules of one host, registered in the order of the list. An error names what is wrong: a module
        /// that cannot work as configured, or two that claim the same.
        pub fn install(setup: &Setup<'_>) -> Result<Table, SetupError> {
            let mut table = Table::default();
            $(table.install::<$file::$module>(setup)?;)*
            match table.faults() {
                [] => Ok(table),
                faults => Err(SetupError(faults.join("; "))),
            }
        }

        /// What every module says of itself, in the order of the list.
        const ABOUTS: &[About] = &[$(<$file::$module as Module>::ABOUT,)*];
    };
}

modules! {
    // Asked first: what is blocked is nobody else's business.
    xep_0191_blocking::Blocking,

    xep_0030_disco::Disco,
    xep_0114_components::Components,
    xep_0115_caps::Caps,
    xep_0012_last_activity::LastActivity,
    xep_0049_private_storage::PrivateStorage,
    xep_0050_commands::Commands,
    xep_0054_vcard::Vcards,
    xep_0059_rsm::Rsm,
    xep_0077_registration::Registration,
    xep_0092_version::Version,
    xep_0153_vcard_avatars::VcardAvatars,
    xep_0157_contacts::ContactAddresses,
    xep_0160_offline::Offline,
    xep_0198_stream_management::StreamManagement,
    xep_0199_ping::Ping,
    xep_0202_time::Time,
    xep_0203_delay::Delay,
    xep_0280_carbons::Carbons,
    xep_0313_archive::MessageArchive,
    xep_0334_hints::Hints,
    xep_0352_csi::ClientState,
    xep_0357_push::Push,
    xep_0359_stanza_ids::StanzaIds,
    xep_0377_reports::Reports,
    xep_0386_bind2::Bind2,
    xep_0388_sasl2::Sasl2,
    xep_0431_full_text_search::FullTextSearch,
    xep_0440_channel_binding::ChannelBinding,
    xep_0455_outage::OutageStatus,
    xep_0474_downgrade::Downgrade,
    xep_0478_stream_limits::StreamLimits,
    xep_0480_upgrade::Upgrade,
    xep_0484_fast::Fast,
    xep_0494_client_access::ClientAccess,
    xep_0509_pipelining::Pipelining,
    xep_0515_tls_downgrade::TlsDowngrade,
    xep_0441_archive_preferences::Preferences,
}
