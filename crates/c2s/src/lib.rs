//! Client streams: negotiation, the session loop, stream management.
