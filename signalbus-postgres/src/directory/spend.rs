use signalbus_core::{
    directory::{Budget, Spending},
    name::TenantId,
    store::StoreError,
};

use crate::{codec::Columns, database::Link};

/// Locks the rows in one order for everybody, so that two calls do not wait for each other.
pub(super) async fn spend(
    link: &mut Link<'_>,
    tenant: &TenantId,
    amount: i64,
    budgets: &[Budget],
) -> Result<Spending, StoreError> {
    let spans: Vec<&str> = budgets
        .iter()
        .map(|budget| budget.window.as_str())
        .collect();
    let make = link
        .query(
            "INSERT INTO signalbus.spent (tenant, span, used)
             SELECT $1, span, 0 FROM unnest($2::text[]) AS span ORDER BY span COLLATE \"C\"
             ON CONFLICT DO NOTHING",
        )
        .bind(tenant.as_str())
        .bind(&spans);
    link.run(make).await?;
    let look = link
        .query(
            "SELECT span, used FROM signalbus.spent WHERE tenant = $1 AND span = ANY($2::text[])
             ORDER BY span FOR UPDATE",
        )
        .bind(tenant.as_str())
        .bind(&spans);
    let mut found = std::collections::HashMap::new();
    for row in &link.rows(look).await? {
        let mut columns = Columns::of(row);
        found.insert(columns.take::<String>()?, columns.number::<u64>()?);
    }
    let used: Vec<u64> = budgets
        .iter()
        .map(|budget| found.get(&budget.window).copied().unwrap_or(0))
        .collect();
    let spending = Spending::of(&used, amount, budgets);
    if let (Spending::Granted(after), false) = (&spending, amount == 0) {
        let after: Vec<i64> = after
            .iter()
            .map(|used| i64::try_from(*used).unwrap_or(i64::MAX))
            .collect();
        let write = link
            .query(
                "UPDATE signalbus.spent AS s SET used = a.used
                 FROM unnest($2::text[], $3::bigint[]) AS a (span, used)
                 WHERE s.tenant = $1 AND s.span = a.span",
            )
            .bind(tenant.as_str())
            .bind(&spans)
            .bind(after);
        link.run(write).await?;
    }
    Ok(spending)
}
