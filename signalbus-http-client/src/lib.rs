#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod base_url;
mod body;
mod client;
mod config;
mod error;
mod form;
mod multipart;
mod pace;
mod request;
mod resolve;
mod retry_after;
mod tls;

pub use answer::{Answer, BodyFault};
pub use base_url::{BaseUrl, BaseUrlError, Url};
pub use client::HttpClient;
pub use config::{ConfigError, HttpConfig};
pub use error::{HttpError, HttpErrorKind};
pub use form::Form;
pub use multipart::Multipart;
pub use request::Request;
pub use retry_after::retry_after;
pub use tls::TlsConfig;
