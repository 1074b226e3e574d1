//! The configuration: keys, defaults, checks, reference.
