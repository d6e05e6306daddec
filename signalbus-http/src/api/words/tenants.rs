use serde::{Deserialize, Serialize};
use signalbus_core::{
    Timestamp,
    directory::{Kept, Quota, TenantProfile},
};
use utoipa::ToSchema;

use super::{object::object, page::next_name};

/// A tenant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TenantProfile)]
pub(crate) struct TenantIn {
    /// What people call it.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub(crate) label: Option<String>,
    /// Whether it may not publish for the time being.
    #[serde(default)]
    pub(crate) suspended: bool,
    /// How much it may send.
    #[serde(default, deserialize_with = "object")]
    pub(crate) quota: QuotaWords,
}

/// How much a tenant may send, counted in recipients.
#[derive(Debug, Default, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Quota)]
pub(crate) struct QuotaWords {
    /// In a day of UTC; none for as much as it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_day: Option<u64>,
    /// In a month of UTC; none for as much as it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_month: Option<u64>,
}

/// A tenant, and where it stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tenant)]
pub(crate) struct TenantOut {
    /// Its id.
    id: String,
    /// What people call it.
    label: String,
    /// Whether it may not publish for the time being.
    suspended: bool,
    /// How much it may send.
    quota: QuotaWords,
    /// For `If-Match`.
    revision: u64,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
}

/// A page of tenants.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TenantList {
    /// In the order of their ids.
    items: Vec<TenantOut>,
    /// The next page begins behind this.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What the tenant may send, and what is left of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Usage)]
pub(crate) struct UsageOut {
    /// One line for each quota.
    pub(crate) quotas: Vec<UsageLine>,
}

/// One quota.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsageLine {
    /// `day` or `month`, of UTC.
    pub(crate) span: &'static str,
    /// Recipients in it.
    pub(crate) limit: u64,
    /// How many were used.
    pub(crate) used: u64,
    /// How many are left.
    pub(crate) left: u64,
    /// When it begins anew.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) ends_at: Timestamp,
}

impl TenantIn {
    pub(crate) fn into_profile(self, label: Option<String>) -> TenantProfile {
        let mut quota = Quota::default();
        quota.per_day = self.quota.per_day;
        quota.per_month = self.quota.per_month;
        let mut profile = TenantProfile::default();
        profile.label = label.unwrap_or_default();
        profile.suspended = self.suspended;
        profile.quota = quota;
        profile
    }
}

impl TenantOut {
    pub(crate) fn of(kept: Kept<TenantProfile>) -> Self {
        Self {
            id: kept.name,
            label: kept.says.label,
            suspended: kept.says.suspended,
            quota: QuotaWords {
                per_day: kept.says.quota.per_day,
                per_month: kept.says.quota.per_month,
            },
            revision: kept.revision,
            changed_at: kept.changed_at,
        }
    }
}

impl TenantList {
    pub(crate) fn of(kept: Vec<Kept<TenantProfile>>, limit: u32) -> Self {
        let next = next_name(&kept, limit);
        Self {
            items: kept.into_iter().map(TenantOut::of).collect(),
            next,
        }
    }
}
