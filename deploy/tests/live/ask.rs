//! Questions to Prometheus.

use std::time::Duration;

use serde_json::Value;

pub(crate) struct Prometheus {
    url: String,
    client: reqwest::Client,
}

impl Prometheus {
    pub(crate) fn new(url: String) -> Self {
        // Another crate of the workspace may have switched TLS on, and then a client wants one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { url, client }
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, String> {
        let request = self.client.get(format!("{}{path}", self.url)).query(query);
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let json: Value = answer.json().await.map_err(|error| error.to_string())?;
        if json["status"] == "success" {
            Ok(json)
        } else {
            Err(json["error"].to_string())
        }
    }

    /// How many series a query gives now.
    pub(crate) async fn series(&self, query: &str) -> Result<usize, String> {
        let json = self.get("/api/v1/query", &[("query", query)]).await?;
        Ok(json["data"]["result"].as_array().map_or(0, Vec::len))
    }

    /// Waits until a query gives something.
    pub(crate) async fn until(&self, query: &str) {
        for _ in 0..240 {
            if self.series(query).await.is_ok_and(|found| found > 0) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let targets = self.get("/api/v1/targets", &[]).await;
        panic!("{query} gives nothing; targets: {targets:#?}");
    }

    /// The names of alerts that fire now.
    pub(crate) async fn firing(&self) -> Vec<String> {
        let json = self.get("/api/v1/alerts", &[]).await.unwrap();
        let alerts = json["data"]["alerts"].as_array().unwrap().iter();
        alerts
            .filter(|alert| alert["state"] == "firing")
            .map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned())
            .collect()
    }
}
