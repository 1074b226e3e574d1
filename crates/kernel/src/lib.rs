//! Accounts, sessions, the order point and the module interface.
