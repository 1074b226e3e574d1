//! SASL as a server: SCRAM, PLAIN, channel binding.
