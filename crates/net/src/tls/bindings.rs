//! Channel bindings (RFC 5056).

/// The binding data of one connection, by type; `None` where the type cannot be had safely.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bindings {
    /// `tls-exporter` (RFC 9266). TLS 1.3 only: before, it is safe only with an extended master secret (§4.2).
    pub exporter: Option<[u8; 32]>,
    /// `tls-server-end-point` (RFC 5929 §4).
    pub end_point: Option<Vec<u8>>,
}
