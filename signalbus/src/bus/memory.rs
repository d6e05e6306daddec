//! The bus inside one process.

/// Carries envelopes inside one process.
#[derive(Debug, Clone)]
pub struct MemoryBus;
