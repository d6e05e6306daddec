//! What tests Signalbus itself: [`history`] checks the promises in what was seen of a run,
//! [`sim`] plays the real engine in a world made of one seed, and the program `signalbus-chaos`
//! kills real processes.

pub mod history;
pub mod sim;
