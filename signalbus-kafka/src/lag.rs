use std::{collections::BTreeMap, sync::Arc};

use crate::{
    error::Failure,
    metrics,
    progress::Progress,
    wire::{At, Offsets},
};

/// How far a group is behind, asked on a connection of its own.
#[derive(Debug, Clone)]
pub(crate) struct Behind {
    pub(crate) group: Arc<str>,
    pub(crate) topic: Arc<str>,
    pub(crate) offsets: Arc<Offsets>,
    pub(crate) progress: Progress,
}

impl Behind {
    /// For each partition that is read here; tells the metric as well.
    pub(crate) async fn measure(&self) -> Result<BTreeMap<u32, u64>, Failure> {
        let positions = self.progress.positions();
        let asked: Vec<(u32, At)> = positions
            .keys()
            .map(|partition| (*partition, At::Latest))
            .collect();
        let ends = self.offsets.list(&asked).await?;
        let behind = positions.into_iter().map(|(partition, position)| {
            let end = ends.get(&partition).copied().unwrap_or(position);
            let behind = end.saturating_sub(position);
            metrics::lag(&self.group, &self.topic, partition, behind);
            (partition, behind)
        });
        Ok(behind.collect())
    }
}
