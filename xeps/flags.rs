//! What modules switch on for one session ([`waxwing_kernel::Session::set_flag`]) or know of one account
//! ([`waxwing_kernel::Account::set_flag`]), a bit each.

/// XEP-0191: it asked for the block list, so it is told of changes.
pub const BLOCK_LIST: u64 = 1;
/// XEP-0280: it gets carbons.
pub const CARBONS: u64 = 1 << 1;

/// XEP-0191, of an account: it blocks nobody. Changed by who holds the right to change its list.
pub const BLOCKS_NOBODY: u64 = 1;
/// XEP-0153, of an account: its vCard has no picture. Changed by who holds the right to change its vCard.
pub const NO_PICTURE: u64 = 1 << 1;
