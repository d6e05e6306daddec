//! Orders: placing one, and its page.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use signalbus::{
    DeliveryId, Event, Failure, Recipient, Signalbus, TenantId,
    sqlite::{SqliteStore, sqlx},
    store::{EndState, State as Delivery},
};

use crate::messages::OrderPlaced;

/// What a customer sends.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct NewOrder {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) language: String,
    pub(crate) item: String,
    pub(crate) pieces: u32,
}

/// The shop: cheap to clone, as axum wants it.
#[derive(Debug, Clone)]
pub(crate) struct Shop {
    store: SqliteStore,
    signalbus: Signalbus,
}

impl Shop {
    /// The tables of the shop lie in the file of the messages: so one transaction has both.
    pub(crate) async fn open(store: SqliteStore, signalbus: Signalbus) -> Result<Self, Failure> {
        sqlx::query(
            "CREATE TABLE IF NOT EXISTS shop_order (
                id INTEGER PRIMARY KEY, item TEXT NOT NULL,
                pieces INTEGER NOT NULL CHECK (pieces > 0), delivery TEXT)",
        )
        .execute(store.pool())
        .await?;
        Ok(Self { store, signalbus })
    }

    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/orders", post(place))
            .route("/orders/{id}", get(show))
            .with_state(self.clone())
    }

    /// Order and mail, or neither.
    pub(crate) async fn place(&self, new: NewOrder) -> Result<i64, Failure> {
        // Immediate, since it writes: SQLite has one writer at a time.
        let mut tx = self.store.pool().begin_with("BEGIN IMMEDIATE").await?;
        let order: i64 = sqlx::query_scalar(
            "INSERT INTO shop_order (item, pieces) VALUES ($1, $2) RETURNING id",
        )
        .bind(&new.item)
        .bind(new.pieces)
        .fetch_one(&mut *tx)
        .await?;
        let placed = OrderPlaced {
            order,
            item: &new.item,
            pieces: new.pieces,
        };
        let customer = Recipient::new()
            .name(new.name)
            .email(new.email)
            .locale(new.language);
        let event = Event::of(&placed)?.to(customer);
        let (published, wake) = self
            .store
            .publish_in(&self.signalbus, &mut tx, event)
            .await?;
        sqlx::query("UPDATE shop_order SET delivery = $1 WHERE id = $2")
            .bind(published.routes[0].delivery.to_string())
            .bind(order)
            .execute(&mut *tx)
            .await?;
        wake.after(tx.commit()).await?;
        Ok(order)
    }

    /// What became of an order and of its mail; none when there is no such order.
    pub(crate) async fn page(&self, order: i64) -> Result<Option<String>, Failure> {
        let row: Option<(String, u32, String)> =
            sqlx::query_as("SELECT item, pieces, delivery FROM shop_order WHERE id = $1")
                .bind(order)
                .fetch_optional(self.store.pool())
                .await?;
        let Some((item, pieces, delivery)) = row else {
            return Ok(None);
        };
        let delivery: DeliveryId = delivery.parse()?;
        let Some(story) = self
            .signalbus
            .explain(&TenantId::default(), delivery)
            .await?
        else {
            return Ok(None);
        };
        let mail = match story.delivery.state {
            Delivery::Ended(EndState::Accepted) => "We have sent you a mail.",
            Delivery::Ended(_) => "We could not send you a mail: is your address right?",
            _ => "A mail is on its way.",
        };
        // The story is for whoever answers the telephone; it shows no address.
        Ok(Some(format!(
            "Order {order}: {pieces} × {item}. {mail}\n\n{story}"
        )))
    }

    /// Sends in flight finish; what waits is sent after the next start.
    pub(crate) async fn close(self) {
        self.signalbus.shutdown().await;
        self.store.close().await;
    }
}

type Answer = Result<Response, StatusCode>;

async fn place(State(shop): State<Shop>, Json(new): Json<NewOrder>) -> Answer {
    // The customer is told no details.
    let order = shop.place(new).await;
    let order = order.map_err(|_| StatusCode::UNPROCESSABLE_ENTITY)?;
    Ok((StatusCode::CREATED, format!("/orders/{order}\n")).into_response())
}

async fn show(State(shop): State<Shop>, Path(order): Path<i64>) -> Answer {
    let page = shop.page(order).await;
    let page = page.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    page.map(IntoResponse::into_response)
        .ok_or(StatusCode::NOT_FOUND)
}
