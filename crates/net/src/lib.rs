//! Listeners, TLS and certificates.
