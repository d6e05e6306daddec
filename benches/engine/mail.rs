use serde_json::json;
use signalbus::{
    Builder, Event, Idempotency, Policy, Recipient, Signalbus, Templates, channel::Email,
};
use signalbus_benches::Taker;

const TEMPLATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/templates");

pub(crate) fn builder() -> Result<(Builder, Taker), Box<dyn std::error::Error>> {
    let taker = Taker::default();
    let builder = Signalbus::builder()
        .channel(Email::from("Acme <hello@acme.test>")?, taker.clone())
        .templates(Templates::dir(TEMPLATES)?)
        .policy(Policy::new().on::<Email>("invoice.paid"));
    Ok((builder, taker))
}

pub(crate) fn event(number: u64) -> Event {
    let recipient = Recipient::new()
        .name("Ada \"Countess\" Lovelace")
        .email(format!("ada-{number}@example.org"));
    Event::new("invoice.paid", Idempotency::None)
        .to(recipient)
        .data(json!({
            "invoice_id": format!("AC-{number}"),
            "currency": "USD",
            "lines": [
                {
                    "description": "Rocket skates <pair>",
                    "quantity": 1,
                    "unit_price": "349.50",
                    "amount": "349.50",
                    "details": ["size 42", "red"],
                },
                {
                    "description": "Anvil \"classic\", 25 kg",
                    "quantity": 1,
                    "unit_price": "129.00",
                    "amount": "129.00",
                },
            ],
            "subtotal": "478.50",
            "tax_rate": "8.25",
            "tax": "39.48",
            "total": "517.98",
            "paid_on": "2026-03-15",
            "payment_method": "SEPA direct debit",
            "invoice_url": format!("https://acme.example/invoices/AC-{number}"),
        }))
}
