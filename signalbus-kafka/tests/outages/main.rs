//! What is promised when brokers are not there.

fn main() {}
