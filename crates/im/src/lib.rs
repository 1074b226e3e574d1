//! The rules of RFC 6121: who gets what, and who may see whom.
//!
//! Free functions over the kernel's [`Core`](waxwing_kernel::Core): all state is the kernel's. The task of the
//! session that sends does the work here; the recipient's only writes.

mod ask;
mod broadcast;
mod component;
mod handle;
mod iq;
mod message;
mod presence;
mod probe;
mod remove;
mod roster;
mod route;
mod session;
mod storing;
mod stranger;
mod subscription;
mod transition;

pub use ask::ask;
pub use broadcast::{announce_to, withdraw_from};
pub use component::{component_lost, from_component};
pub use handle::handle;
pub use presence::renew as renew_presence;
pub use probe::probe_again;
pub use remove::{close_account, remove_account};
pub use roster::write_stream_features;
pub use session::{bind, bind_prepared, end, end_device, revoke_device};
