//! The store in memory: for tests, simulation, and messages that may be lost with the process.

/// Keeps everything in memory.
#[derive(Debug, Clone)]
pub struct MemoryStore;
