//! The providers of the examples keep the rules of all providers, and some of their own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chat_log_rules;
mod pigeon_rules;
mod text_file_rules;

#[path = "../../custom_channel/chat.rs"]
mod chat;
#[path = "../../custom_channel/chat_log.rs"]
mod chat_log;
#[path = "../../http_provider/provider.rs"]
mod pigeon;
#[path = "../../quickstart/texts.rs"]
mod texts;
