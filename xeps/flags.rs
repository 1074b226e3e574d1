//! What modules switch on for one session, a bit each ([`waxwing_kernel::Session::set_flag`]).

/// XEP-0191: it asked for the block list, so it is told of changes.
pub const BLOCK_LIST: u64 = 1;
/// XEP-0280: it gets carbons.
pub const CARBONS: u64 = 1 << 1;
