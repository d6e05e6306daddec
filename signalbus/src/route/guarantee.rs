/// How often a message may reach a provider when the outcome of a try is unknown (promise P3), and the
/// provider cannot be asked or cannot tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Guarantee {
    /// It is sent again: rather twice than never.
    #[default]
    AtLeastOnce,
    /// It ends in `outcome_unknown`: rather never than twice. Needs a durable store.
    AtMostOnce,
}
