//! The real program on a real SQLite file.

#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;

mod changes;
mod doctor;
mod keys;
mod looks;
mod refusals;
mod render;

use std::sync::Arc;

use signalbus::{DeliveryId, EventId, Store, sqlite::SqliteStore};
use tempfile::TempDir;

/// A file of an application that was stopped.
pub(crate) struct File {
    _folder: TempDir,
    pub(crate) path: std::path::PathBuf,
    pub(crate) made: Vec<(EventId, DeliveryId)>,
}

impl File {
    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    pub(crate) async fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.path).await.unwrap()
    }
}

pub(crate) async fn file(dead: usize, sent: usize, waiting: usize) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notifications.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let shared: Arc<dyn Store> = Arc::new(store.clone());
    let made = common::fill(shared, dead, sent, waiting).await;
    store.close().await;
    drop(store);
    File {
        _folder: folder,
        path,
        made,
    }
}
