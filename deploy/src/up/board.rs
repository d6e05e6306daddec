use std::{error::Error, fmt::Write as _, fs};

use serde_json::Value;

use crate::{files::shipped, places::Places};

/// The first dashboard: what each panel shows now, as Prometheus answers its query.
pub(crate) struct Board {
    client: reqwest::Client,
    url: String,
    panels: Vec<(String, String)>,
}

impl Board {
    /// # Errors
    /// When the dashboard cannot be read.
    pub(crate) fn new(client: reqwest::Client, places: &Places) -> Result<Self, Box<dyn Error>> {
        let text = fs::read_to_string(shipped("grafana/dashboards/signalbus-overview.json"))?;
        let dashboard: Value = serde_json::from_str(&text)?;
        let panels = dashboard["panels"].as_array().into_iter().flatten();
        let panels = panels.filter_map(|panel| {
            let title = panel["title"].as_str()?.to_owned();
            let query = panel["targets"][0]["expr"].as_str()?;
            let query = query
                .replace("$__rate_interval", "1m")
                .replace("$job", ".+")
                .replace("$instance", ".+");
            Some((title, query))
        });
        Ok(Self {
            client,
            url: format!("http://127.0.0.1:{}/api/v1/query", places.prometheus),
            panels: panels.collect(),
        })
    }

    /// A line for each panel that shows something.
    ///
    /// # Errors
    /// When Prometheus does not answer.
    pub(crate) async fn text(&self) -> Result<String, Box<dyn Error>> {
        let mut text = String::new();
        for (title, query) in &self.panels {
            let request = self.client.get(&self.url).query(&[("query", query)]);
            let answer: Value = request.send().await?.error_for_status()?.json().await?;
            let series = answer["data"]["result"].as_array();
            let values: Vec<String> = series.into_iter().flatten().filter_map(value).collect();
            if !values.is_empty() {
                write!(text, "\n{title:<24} {}", values.join("  "))?;
            }
        }
        Ok(text)
    }
}

/// `email 1.33`: the labels, and the number as one reads it.
fn value(series: &Value) -> Option<String> {
    let number: f64 = series["value"][1].as_str()?.parse().ok()?;
    // A quotient of nothing by nothing: there is nothing to show yet.
    if number.is_nan() {
        return None;
    }
    let labels = series["metric"].as_object().into_iter().flatten();
    let labels = labels.filter(|(name, _)| *name != "__name__");
    let mut words: Vec<&str> = labels.filter_map(|(_, value)| value.as_str()).collect();
    let number = format!("{number:.2}");
    let number = number.trim_end_matches('0').trim_end_matches('.');
    words.push(number);
    Some(words.join(" "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::value;

    #[test]
    fn a_series_is_its_labels_and_a_number_that_one_can_read() {
        let series = |value: &str| json!({ "metric": { "channel": "email" }, "value": [1, value] });
        assert_eq!(value(&series("1.3333")).unwrap(), "email 1.33");
        assert_eq!(value(&series("100")).unwrap(), "email 100");
        assert_eq!(value(&series("0.001")).unwrap(), "email 0");
        assert_eq!(value(&series("NaN")), None);
    }
}
