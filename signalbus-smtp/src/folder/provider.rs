use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use signalbus_core::{
    channel::Email,
    name::ProviderName,
    provider::{Capabilities, Delivery, Provider, SendError, Sent},
};

use super::{FolderConfig, FolderError, response, write::Draft};
use crate::{task::blocking, to_eml};

/// Puts mails into a folder instead of sending them, one `.eml` file each: for development, for
/// tests, and for a mail system that picks files up.
///
/// A file is named by [`Delivery::reference`], such as `019a….eml`, and appears whole or not at
/// all; it is on disk when the send succeeded. A repeated send of one generation replaces the file
/// with one of the same bytes, so the folder holds one file however often it was sent. That is what
/// the deduplication window of [`MailFolder::capabilities`] says, and it holds as long as nobody
/// takes the file away in between. A redrive has another reference, and gives another file.
///
/// Who is in `bcc` is not seen: a file has no envelope.
///
/// ```
/// use signalbus_smtp::MailFolder;
///
/// # let temporary = tempfile::tempdir()?;
/// # let path = temporary.path().join("outbox");
/// let folder = MailFolder::new(path)?;
/// # assert!(folder.path().is_dir());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct MailFolder {
    name: ProviderName,
    path: Arc<Path>,
}

/// The name of a file never comes free for another mail.
const DEDUP_WINDOW: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// As many as keep a disk busy; more would only wait for it.
const CONCURRENCY: usize = 16;

impl MailFolder {
    /// This folder, under the name `folder`. It is made when it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, FolderError> {
        Self::with_config(FolderConfig::new(path))
    }

    /// The folder of a URL such as `folder:///var/mail/outbox`; see [`FolderConfig::from_url`].
    ///
    /// # Errors
    /// When the URL has another form, the name cannot be used, or the folder cannot be made.
    pub fn from_url(url: &str) -> Result<Self, FolderError> {
        Self::with_config(FolderConfig::from_url(url)?)
    }

    /// The folder of this configuration.
    ///
    /// # Errors
    /// When the name cannot be used or the folder cannot be made.
    pub fn with_config(config: FolderConfig) -> Result<Self, FolderError> {
        let name = config.provider_name()?;
        fs::create_dir_all(&config.path).map_err(|source| FolderError::Create {
            path: config.path.clone(),
            source,
        })?;
        Ok(Self {
            name,
            path: config.path.into(),
        })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[async_trait]
impl Provider<Email> for MailFolder {
    fn name(&self) -> &str {
        self.name.as_str()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
            .with_concurrency(CONCURRENCY)
            .with_dedup_window(DEDUP_WINDOW)
            .reporting_start()
    }

    /// Writes the mail under a hidden name, then gives it its own: that is the send. Dropped before,
    /// it leaves nothing behind; dropped after, the file may be there.
    async fn send(&self, delivery: Delivery<'_, Email>) -> Result<Sent, SendError> {
        let name = format!("{}.eml", delivery.reference());
        let (message, folder) = (delivery.message.clone(), Arc::clone(&self.path));
        let draft = blocking(move || {
            let mail = to_eml(&message)?;
            Draft::write(&folder, &mail).map_err(response::not_written)
        })
        .await??;

        delivery.request_started();
        let file = name.clone();
        blocking(move || draft.publish(&file).map_err(response::not_published)).await??;
        Ok(Sent::with_id(name))
    }
}
