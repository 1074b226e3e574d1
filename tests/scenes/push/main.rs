//! Push notifications (XEP-0357), published to app servers that are components.

mod answers;
mod app_server;
mod contents;
mod filters;
mod registration;
mod waking;
