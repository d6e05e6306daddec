//! What leaves this repository: images, their notices and what they are made of, charts and releases.

pub(crate) mod beside;
mod changelog;
pub(crate) mod charts;
mod earlier;
pub(crate) mod images;
pub(crate) mod notices;
mod parts;
pub(crate) mod release;
pub(crate) mod sbom;
mod tools;
pub(crate) mod upgrade;
pub(crate) mod workflows;
