//! Channel bindings (RFC 5056).

use rustls::{ProtocolVersion, ServerConnection};

use super::state::State;

/// The binding data of one connection, by type; `None` where the type cannot be had safely.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bindings {
    /// `tls-exporter` (RFC 9266). TLS 1.3 only: before, it is safe only with an extended master secret (§4.2).
    pub exporter: Option<[u8; 32]>,
    /// `tls-server-end-point` (RFC 5929 §4).
    pub end_point: Option<Vec<u8>>,
}

impl Bindings {
    pub(super) fn of(connection: &ServerConnection, state: &State) -> Self {
        let exporter = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => {
                connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).ok()
            }
            _ => None,
        };
        let end_point = state.certified(connection.server_name()).end_point().map(<[u8]>::to_vec);
        Self { exporter, end_point }
    }
}
