use axum::Json as Out;

use crate::api::{
    input::Json,
    problem::{Answer, Problem},
    tenancy::{By, Receipts},
    words::{ReceiptsIn, ReceiptsOut},
};

/// Record what providers said, for hosts that hear it themselves. Repeating is harmless. A provider that
/// calls back itself is taken by the routers for receipts.
#[utoipa::path(
    post,
    path = "/v1/receipts",
    tag = "deliveries",
    request_body = ReceiptsIn,
    responses(
        (status = 200, description = "What each did", body = ReceiptsOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["receipts"]))
)]
pub(crate) async fn record(
    by: By<Receipts>,
    Json(asked): Json<ReceiptsIn>,
) -> Answer<Out<ReceiptsOut>> {
    let receipts = asked.into_receipts(by.tenancy.tenant())?;
    let effects = by.tenancy.record_receipts(receipts).await?;
    Ok(Out(ReceiptsOut::of(&effects)))
}
