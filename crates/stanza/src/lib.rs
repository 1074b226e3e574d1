//! Stanzas as heads over shared bytes, their errors and typed payloads.
