use signalbus_core::{
    Timestamp,
    directory::{Budget, Owner, Quota, Spending, TenantProfile},
};

use super::Tenancy;
use crate::api::{
    manners::rejected,
    problem::{Answer, Problem, Wrong},
};

/// What a tenant may send, and what is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    /// The span: `day` or `month`.
    pub(crate) span: &'static str,
    /// How much there is.
    pub(crate) limit: u64,
    /// How much was used.
    pub(crate) used: u64,
    /// When it begins anew.
    pub(crate) ends_at: Timestamp,
}

/// What was taken from budgets, to be given back if it was not needed.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    budgets: Vec<Budget>,
    amount: u64,
}

impl Tenancy {
    /// Takes so many recipients from the quotas of the tenant, if it has any and is not suspended.
    pub(super) async fn take(&self, recipients: usize) -> Answer<Taken> {
        let Some(profile) = self.profile().await? else {
            return Ok(Taken::default());
        };
        if profile.suspended {
            return Err(Problem::new(
                Wrong::Suspended,
                "the host has suspended this tenant: nothing is taken from it for now",
            ));
        }
        let now = self.state.clock().now();
        let spans = spans(&profile.quota, now);
        let budgets: Vec<Budget> = spans.iter().map(|span| span.budget.clone()).collect();
        if budgets.is_empty() {
            return Ok(Taken::default());
        }
        let amount = u64::try_from(recipients).unwrap_or(u64::MAX);
        let asked = i64::try_from(amount).unwrap_or(i64::MAX);
        let directory = self.state.directory();
        match directory
            .spend(&self.tenant, asked, budgets.clone())
            .await?
        {
            Spending::Granted(_) => Ok(Taken { budgets, amount }),
            Spending::Refused { short, used } => {
                let (Some(span), Some(used)) = (spans.get(short), used.get(short)) else {
                    return Err(Problem::new(Wrong::Internal, "a budget has no name"));
                };
                rejected("/v1/events", span.name);
                let left = span.budget.limit.saturating_sub(*used);
                Err(Problem::new(
                    Wrong::QuotaExceeded,
                    format!(
                        "{left} of {} recipients of this {} are left: send fewer, or come again when \
                         `Retry-After` says",
                        span.budget.limit, span.name
                    ),
                )
                .retry_after(signalbus_core::clock::until(now, span.ends_at)))
            }
        }
    }

    /// Gives back what was taken for recipients that nothing was stored for. A failure is noted and no
    /// reason to answer otherwise: the tenant has a little less until the span ends.
    pub(super) async fn give_back(&self, taken: Taken, recipients: usize) {
        let amount = u64::try_from(recipients)
            .unwrap_or(u64::MAX)
            .min(taken.amount);
        if amount == 0 || taken.budgets.is_empty() {
            return;
        }
        let back = i64::try_from(amount).unwrap_or(i64::MAX).saturating_neg();
        let directory = self.state.directory();
        if let Err(error) = directory.spend(&self.tenant, back, taken.budgets).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a quota was not given back"
            );
        }
    }

    /// The quotas of the tenant, and how much of each is used.
    pub(crate) async fn usage(&self) -> Answer<Vec<Usage>> {
        let profile = self.profile().await?.unwrap_or_default();
        let spans = spans(&profile.quota, self.state.clock().now());
        let budgets = spans.iter().map(|span| span.budget.clone()).collect();
        let looked = self
            .state
            .directory()
            .spend(&self.tenant, 0, budgets)
            .await?;
        let (Spending::Granted(used) | Spending::Refused { used, .. }) = looked;
        let usage = spans.into_iter().zip(used).map(|(span, used)| Usage {
            span: span.name,
            limit: span.budget.limit,
            used,
            ends_at: span.ends_at,
        });
        Ok(usage.collect())
    }

    async fn profile(&self) -> Answer<Option<TenantProfile>> {
        let profiles = self.state.documents::<TenantProfile>();
        let found = profiles.get(&Owner::Host, self.tenant.as_str()).await?;
        Ok(found.map(|kept| kept.says))
    }
}

/// A quota in the span that is now.
struct Span {
    name: &'static str,
    budget: Budget,
    ends_at: Timestamp,
}

/// Days and months are those of UTC.
fn spans(quota: &Quota, now: Timestamp) -> Vec<Span> {
    let today = now.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
    let start = |date: Result<jiff::civil::Date, jiff::Error>| {
        date.and_then(|date| date.to_zoned_datetime(jiff::tz::TimeZone::UTC))
            .map_or(Timestamp::MAX, |start| start.timestamp())
    };
    let mut spans = Vec::new();
    if let Some(limit) = quota.per_day {
        spans.push(Span {
            name: "day",
            budget: Budget::new(format!("day/{today}"), limit),
            ends_at: start(today.tomorrow()),
        });
    }
    if let Some(limit) = quota.per_month {
        let first = today.first_of_month();
        spans.push(Span {
            name: "month",
            budget: Budget::new(
                format!("month/{:04}-{:02}", first.year(), first.month()),
                limit,
            ),
            ends_at: start(first.checked_add(jiff::Span::new().months(1))),
        });
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_ends_where_the_next_one_begins() {
        let quota = serde_json::json!({ "per_day": 5, "per_month": 50 });
        let quota: Quota = serde_json::from_value(quota).unwrap();
        for (now, day, month, day_ends, month_ends) in [
            (
                "2024-02-28T23:59:59.9Z",
                "day/2024-02-28",
                "month/2024-02",
                "2024-02-29T00:00:00Z",
                "2024-03-01T00:00:00Z",
            ),
            (
                "2025-12-31T00:00:00Z",
                "day/2025-12-31",
                "month/2025-12",
                "2026-01-01T00:00:00Z",
                "2026-01-01T00:00:00Z",
            ),
        ] {
            let spans = spans(&quota, now.parse().unwrap());
            assert_eq!(
                (spans[0].budget.window.as_str(), spans[0].ends_at),
                (day, day_ends.parse().unwrap())
            );
            assert_eq!(
                (spans[1].budget.window.as_str(), spans[1].ends_at),
                (month, month_ends.parse().unwrap())
            );
        }
    }
}
