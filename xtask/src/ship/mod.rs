//! What leaves this repository: images, their notices and what they are made of, charts and releases.

pub(crate) mod notices;
mod parts;
pub(crate) mod sbom;
