use std::{error::Error, time::Duration};

use crate::{places::Places, topology::Topology};

const PAUSE: Duration = Duration::from_millis(200);
const TRIES: u32 = 900;

/// Waits until everyone says that they are ready.
///
/// # Errors
/// When one has ended, or is not ready after three minutes.
pub(crate) async fn wait(
    client: &reqwest::Client,
    places: &Places,
    topology: &mut Topology,
) -> Result<(), Box<dyn Error>> {
    for (name, port, path, _) in places.all() {
        let url = format!("http://127.0.0.1:{port}{path}");
        let mut tries = 0;
        loop {
            let answer = client.get(&url).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                break;
            }
            if let Some(ended) = topology.ended() {
                return Err(format!("{ended} has ended: see its log").into());
            }
            tries += 1;
            if tries == TRIES {
                return Err(format!("{name} does not get ready: see its log").into());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}
