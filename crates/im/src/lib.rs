//! RFC 6121: roster, presence, delivery.
