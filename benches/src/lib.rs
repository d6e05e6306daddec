//! What the benchmarks share: a channel without templates, a provider that takes everything, and
//! the CPU time of this process.

mod cpu;
mod load;

pub use cpu::Cpu;
pub use load::{Line, NoTemplates, Taker, TakerAddress};
