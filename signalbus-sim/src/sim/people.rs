//! Who lives in the simulation. Tenants know the same people by the same addresses.

use signalbus::TenantId;

/// How many tenants there are.
pub(super) const TENANTS: u8 = 2;

pub(super) fn tenant(nth: u8) -> Option<TenantId> {
    TenantId::new(format!("tenant-{}", nth % TENANTS)).ok()
}

pub(super) fn tenants() -> impl Iterator<Item = TenantId> {
    // What a bus carried that names no tenant belongs to the default one.
    (0..TENANTS).filter_map(tenant).chain([TenantId::default()])
}

pub(super) fn name(person: u8) -> String {
    format!("person-{person}")
}

/// An address in its normal form.
pub(super) fn address(person: u8, channel: &str) -> String {
    if person == 8 {
        format!("bad-{person}@{channel}")
    } else {
        format!("p{person}@{channel}")
    }
}
