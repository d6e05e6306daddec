//! What tenants use up.

use signalbus_core::{
    TenantId,
    directory::{Budget, Spending},
};

use super::Harness;

fn acme() -> TenantId {
    TenantId::new("acme").unwrap()
}

/// To the last one, and not one more.
pub async fn a_budget_is_spent_and_no_more(h: Harness) {
    let spend = async |amount| {
        let budget = Budget::new("day/1", 10);
        h.directory
            .spend(&acme(), amount, vec![budget])
            .await
            .unwrap()
    };
    assert_eq!(spend(7).await, Spending::Granted(vec![7]));
    let short = Spending::Refused {
        short: 0,
        used: vec![7],
    };
    assert_eq!(spend(4).await, short);
    assert_eq!(spend(3).await, Spending::Granted(vec![10]));
    assert_eq!(
        spend(1).await,
        Spending::Refused {
            short: 0,
            used: vec![10]
        }
    );
    assert_eq!(
        spend(0).await,
        Spending::Granted(vec![10]),
        "looking is free"
    );
}

/// One that is short keeps the others whole.
pub async fn of_several_budgets_all_are_spent_or_none(h: Harness) {
    let spend = async |amount| {
        let budgets = vec![Budget::new("month/1", 15), Budget::new("day/1", 10)];
        h.directory.spend(&acme(), amount, budgets).await.unwrap()
    };
    assert_eq!(spend(8).await, Spending::Granted(vec![8, 8]));
    assert_eq!(
        spend(5).await,
        Spending::Refused {
            short: 1,
            used: vec![8, 8]
        }
    );
    assert_eq!(spend(2).await, Spending::Granted(vec![10, 10]));
    assert_eq!(
        h.directory.spend(&acme(), 1, Vec::new()).await.unwrap(),
        Spending::Granted(Vec::new())
    );
}

/// Down to nothing, and not below.
pub async fn what_is_given_back_can_be_spent_again(h: Harness) {
    let spend = async |amount| {
        let budget = Budget::new("day/1", 10);
        h.directory
            .spend(&acme(), amount, vec![budget])
            .await
            .unwrap()
    };
    spend(10).await;
    assert_eq!(spend(-4).await, Spending::Granted(vec![6]));
    assert_eq!(spend(4).await, Spending::Granted(vec![10]));
    assert_eq!(spend(-20).await, Spending::Granted(vec![0]));
}

/// Each its own.
pub async fn budgets_of_tenants_and_windows_are_apart(h: Harness) {
    let other = TenantId::new("other").unwrap();
    for (tenant, window) in [(&acme(), "day/1"), (&acme(), "day/2"), (&other, "day/1")] {
        let budget = Budget::new(window, 5);
        let spent = h.directory.spend(tenant, 5, vec![budget]).await.unwrap();
        assert_eq!(spent, Spending::Granted(vec![5]));
    }
}
