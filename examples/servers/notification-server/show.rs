//! What it does without `--listen`: one event, from the request to the mail.

use std::{error::Error, time::Duration};

use axum::{Router, body::Body, http::Request};
use serde_json::{Value, json};
use signalbus::{
    directory::{
        Owner,
        keys::{NewKey, Scope},
    },
    http::Api,
};
use tower::ServiceExt;

use crate::{args::Args, engine, secrets, store::Stored};

pub(crate) async fn show(args: &Args) -> Result<(), Box<dyn Error>> {
    // Of its own: what runs in the usual folder is left alone.
    let folder = tempfile::tempdir()?;
    let stored = Stored::open(folder.path(), args.store.as_deref()).await?;
    let vault = secrets::vault(folder.path(), true)?;
    let signalbus = engine::engine(args, &stored, folder.path(), None, vault.as_ref()).await?;
    signalbus.start();
    let pepper = secrets::pepper(folder.path())?;
    let api = Api::new(signalbus.clone(), stored.directory(), pepper);
    let key = NewKey::new(Owner::Host, "show", [Scope::Publish, Scope::Read]);
    let (token, key) = api.keys().issue("show", key).await?;
    let keys = api.keys();
    let router = api.router();
    let event = json!({
        "topic": "user.signup",
        "idempotency": "none",
        "to": [{ "name": "Ada", "addresses": { "email": "ada@example.org" } }],
        "data": {
            "plan": "starter",
            "confirm_url": "https://acme.example/confirm",
            "valid_hours": 24,
            "getting_started": [],
        },
    });
    let taken = ask(&router, token.expose(), "POST", "/v1/events", Some(&event)).await?;
    println!("POST /v1/events\n{taken:#}\n");
    signalbus.idle_within(Duration::from_secs(5)).await;
    let path = taken["routes"][0]["delivery"].as_str().unwrap_or_default();
    let path = format!("/v1/deliveries/{path}");
    let delivery = ask(&router, token.expose(), "GET", &path, None).await?;
    println!(
        "GET {path}\n{}",
        delivery["explanation"].as_str().unwrap_or_default()
    );
    keys.revoke("show", &Owner::Host, &key.id).await?;
    signalbus.shutdown().await;
    stored.close().await;
    println!("run it with --listen 127.0.0.1:8080 to go on");
    Ok(())
}

async fn ask(
    router: &Router,
    key: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, Box<dyn Error>> {
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .body(body)?;
    let response = router.clone().oneshot(request).await?;
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await?;
    let answer: Value = serde_json::from_slice(&bytes)?;
    if status.is_success() {
        Ok(answer)
    } else {
        Err(format!("{method} {path}: {answer:#}").into())
    }
}
