//! A provider for texts that writes them into a file.

use std::{
    collections::HashSet,
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use signalbus::async_trait;
use signalbus::{
    channel::{Address, Sms},
    provider::{Capabilities, Delivery, Provider, SendError, Sent},
};

/// Appends every text to a file, as a line of JSON, and each only once: it knows the references of
/// the lines that are there.
#[derive(Debug, Clone)]
pub(crate) struct TextFile {
    file: Arc<Mutex<Lines>>,
}

/// One line of the file.
#[derive(Serialize, Deserialize)]
struct Text {
    reference: String,
    tenant: String,
    number: String,
    text: String,
}

struct Lines {
    file: File,
    /// Where the next line begins.
    end: u64,
    references: HashSet<String>,
}

impl TextFile {
    /// The file at `path`, which is made when it is not there. A line that a crash cut short is
    /// taken off: nobody was told that it was sent.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |newline| newline + 1);
        let references = bytes[..whole]
            .split_inclusive(|byte| *byte == b'\n')
            .map(|line| serde_json::from_slice::<Text>(line).map(|text| text.reference))
            .collect::<Result<_, _>>()?;
        let lines = Lines {
            file,
            end: u64::try_from(whole).unwrap_or(u64::MAX),
            references,
        };
        Ok(Self {
            file: Arc::new(Mutex::new(lines)),
        })
    }
}

#[async_trait]
impl Provider<Sms> for TextFile {
    fn name(&self) -> &str {
        "text-file"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
            .with_concurrency(8)
            .with_dedup_window(Duration::MAX)
            .reporting_start()
    }

    async fn send(&self, delivery: Delivery<'_, Sms>) -> Result<Sent, SendError> {
        let text = Text {
            reference: delivery.reference(),
            tenant: delivery.tenant.to_string(),
            number: delivery.to.as_str().to_owned(),
            text: delivery.message.text.clone(),
        };
        let file = Arc::clone(&self.file);
        delivery.request_started();
        tokio::task::spawn_blocking(move || {
            file.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .append(text)
        })
        .await
        .map_err(|error| SendError::unknown("the writer was stopped").with_source(error))?
        .map_err(|error| SendError::unknown("the line may not be on disk").with_source(error))
    }
}

impl Lines {
    /// Writes a line and waits for the disk. What a failed try left behind is written over by the
    /// next one.
    fn append(&mut self, text: Text) -> io::Result<Sent> {
        if !self.references.contains(&text.reference) {
            let mut line = serde_json::to_vec(&text)?;
            line.push(b'\n');
            self.file.set_len(self.end)?;
            self.file.seek(SeekFrom::Start(self.end))?;
            self.file.write_all(&line)?;
            self.file.sync_data()?;
            self.end += u64::try_from(line.len()).unwrap_or(0);
            self.references.insert(text.reference.clone());
        }
        Ok(Sent::with_id(text.reference))
    }
}

impl fmt::Debug for Lines {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("texts", &self.references.len())
            .finish_non_exhaustive()
    }
}
