//! What goes wrong with a server, and how it is set right again.

use std::{error::Error, fs::File, io::Write as _, path::Path, time::Duration};

use clap::ValueEnum;
use signalbus_servers::{Postgres, Stop};
use sqlx::{Connection, PgConnection};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// The server is stopped in good order, and started again.
    Restart,
    /// The server dies, and recovers from its log.
    Crash,
    /// Sessions of hosts are ended again and again.
    Terminate,
    /// Others have all connections.
    Exhaust,
    /// The server stands still: it answers nothing, and closes nothing.
    Freeze,
    /// The disk of the server is full.
    Disk,
    /// The clocks of two hosts are an hour apart.
    Clock,
}

/// A fault that lasts until it is mended.
#[derive(Default)]
pub(crate) struct Lasting {
    held: Vec<PgConnection>,
    ending: Option<tokio::task::JoinHandle<()>>,
}

/// As many as the server takes, and it takes no more.
pub(crate) const MOST_CONNECTIONS: usize = 30;

const BALLAST: &str = "ballast";

impl Fault {
    /// Begins.
    pub(crate) async fn begin(
        self,
        server: &mut Postgres,
        disk: &Path,
    ) -> Result<Lasting, Box<dyn Error>> {
        let mut lasting = Lasting::default();
        match self {
            Self::Restart => server.stop(Stop::Fast)?,
            Self::Crash => server.stop(Stop::Immediate)?,
            Self::Freeze => server.freeze(true)?,
            Self::Clock => {}
            Self::Terminate => {
                let url = server.url();
                lasting.ending = Some(tokio::spawn(async move {
                    loop {
                        let _ = end_sessions(&url).await;
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }));
            }
            Self::Exhaust => {
                let url = server.url();
                let mut ended = 0;
                while ended < 3 {
                    match PgConnection::connect(&url).await {
                        Ok(connection) => lasting.held.push(connection),
                        Err(_) => {
                            // None is left: hosts lose theirs, and we take what they had.
                            if let Some(first) = lasting.held.first_mut() {
                                let _ = sqlx::query(END).execute(first).await;
                            }
                            ended += 1;
                            tokio::time::sleep(Duration::from_millis(50)).await;
                        }
                    }
                }
            }
            Self::Disk => fill(&disk.join(BALLAST)),
        }
        Ok(lasting)
    }

    /// Ends, as whoever runs the server would see to it.
    pub(crate) async fn mend(
        self,
        lasting: Lasting,
        server: &mut Postgres,
        disk: &Path,
    ) -> Result<(), Box<dyn Error>> {
        if let Some(ending) = lasting.ending {
            ending.abort();
        }
        drop(lasting.held);
        match self {
            Self::Restart | Self::Crash => server.resume()?,
            Self::Freeze => server.freeze(false)?,
            Self::Disk => {
                std::fs::remove_file(disk.join(BALLAST))?;
                if server.has_ended() {
                    server.stop(Stop::Immediate)?;
                    server.resume()?;
                }
            }
            Self::Terminate | Self::Exhaust | Self::Clock => {}
        }
        Ok(())
    }
}

const END: &str =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'host-%'";

async fn end_sessions(url: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query(END).execute(&mut connection).await?;
    connection.close().await
}

/// Takes all that is left, in ever smaller pieces, to the last byte.
fn fill(path: &Path) {
    let Ok(mut file) = File::create(path) else {
        return;
    };
    let block = vec![0; 64 * 1024];
    let mut size = block.len();
    while size > 0 {
        if file.write_all(&block[..size]).is_err() {
            size /= 2;
        }
    }
}
