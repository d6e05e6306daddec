/// How much a tenant may use up in one window of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// The window, such as `day/2026-11-29`: another window begins with nothing used.
    pub window: String,
    /// How much there is.
    pub limit: u64,
}

impl Budget {
    /// So much in this window.
    #[must_use]
    pub fn new(window: impl Into<String>, limit: u64) -> Self {
        Self {
            window: window.into(),
            limit,
        }
    }
}

/// What came of taking from budgets, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spending {
    /// Taken from all of them; how much of each is used now.
    Granted(Vec<u64>),
    /// Taken from none: the one at this place has not enough left. How much of each is used.
    Refused {
        /// The first that has not enough.
        short: usize,
        /// How much of each is used.
        used: Vec<u64>,
    },
}

impl Spending {
    /// What comes of taking `amount` from budgets of which so much is used.
    #[must_use]
    pub fn of(used: &[u64], amount: i64, budgets: &[Budget]) -> Self {
        let after: Vec<u64> = used
            .iter()
            .map(|used| used.saturating_add_signed(amount))
            .collect();
        let short = after
            .iter()
            .zip(budgets)
            .position(|(after, budget)| amount > 0 && *after > budget.limit);
        match short {
            Some(short) => Self::Refused {
                short,
                used: used.to_vec(),
            },
            None => Self::Granted(after),
        }
    }
}
