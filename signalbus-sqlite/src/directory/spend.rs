use signalbus_core::{
    directory::{Budget, Spending},
    name::TenantId,
    store::StoreError,
};
use sqlx::SqliteConnection;

use crate::{codec::Columns, error};

pub(super) async fn spend(
    conn: &mut SqliteConnection,
    tenant: &TenantId,
    amount: i64,
    budgets: &[Budget],
) -> Result<Spending, StoreError> {
    let mut used = Vec::with_capacity(budgets.len());
    for budget in budgets {
        let row = sqlx::query("SELECT used FROM signalbus_spent WHERE tenant = ?1 AND span = ?2")
            .bind(tenant.as_str().to_owned())
            .bind(budget.window.clone())
            .fetch_optional(&mut *conn)
            .await
            .map_err(error::of)?;
        used.push(match &row {
            Some(row) => Columns::of(row).number()?,
            None => 0,
        });
    }
    let spending = Spending::of(&used, amount, budgets);
    if let (Spending::Granted(after), false) = (&spending, amount == 0) {
        for (budget, after) in budgets.iter().zip(after) {
            sqlx::query(
                "INSERT INTO signalbus_spent (tenant, span, used) VALUES (?1, ?2, ?3)
                 ON CONFLICT (tenant, span) DO UPDATE SET used = excluded.used",
            )
            .bind(tenant.as_str().to_owned())
            .bind(budget.window.clone())
            .bind(i64::try_from(*after).unwrap_or(i64::MAX))
            .execute(&mut *conn)
            .await
            .map_err(error::of)?;
        }
    }
    Ok(spending)
}
