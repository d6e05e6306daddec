use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// What arrived.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) content: Vec<u8>,
}

/// A server that takes everything, and offers nothing.
pub(crate) struct Sink {
    port: u16,
    mails: Arc<Mutex<Vec<Mail>>>,
}

impl Sink {
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let mails = Arc::new(Mutex::default());
        let kept = Arc::clone(&mails);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&kept)));
            }
        });
        Ok(Self { port, mails })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What arrived since the last call.
    pub(crate) fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut *self.mails.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn serve(stream: TcpStream, mails: Arc<Mutex<Vec<Mail>>>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 sink.test\r\n").await?;
    let (mut from, mut to) = (String::new(), String::new());
    let mut line = Vec::new();
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line);
        let address = || {
            let address = text.split(['<', '>']).nth(1);
            address.unwrap_or_default().to_owned()
        };
        match text.get(..4).unwrap_or_default() {
            "MAIL" => from = address(),
            "RCPT" => to = address(),
            "DATA" => {
                stream.write_all(b"354 go ahead\r\n").await?;
                let mut content = Vec::new();
                loop {
                    let start = content.len();
                    if stream.read_until(b'\n', &mut content).await? == 0 {
                        return Ok(());
                    }
                    if &content[start..] == b".\r\n" {
                        content.truncate(start);
                        break;
                    }
                }
                let (from, to) = (from.clone(), to.clone());
                let mail = Mail { from, to, content };
                mails
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(mail);
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n").await,
            _ => {}
        }
        stream.write_all(b"250 ok\r\n").await?;
    }
}
