//! One file per XEP.
