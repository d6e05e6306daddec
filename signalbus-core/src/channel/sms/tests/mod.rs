mod channel;
mod number;
mod segments;
