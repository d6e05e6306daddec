//! A server that answers everything at once with the same bytes, on a thread of its own.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// The last request it got.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taken {
    pub(crate) path: String,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct Server {
    pub(crate) url: String,
    last: Arc<Mutex<Option<Taken>>>,
}

impl Server {
    pub(crate) fn start(body: &str, status: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} OK\r\nContent-Length: {length}\r\n\r\n{body}");
        let last = Arc::<Mutex<Option<Taken>>>::default();
        let books = Arc::clone(&last);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (answer, books) = (answer.clone(), Arc::clone(&books));
                // The client's end of the connection ends it.
                thread::spawn(move || serve(connection, answer.as_bytes(), &books));
            }
        });
        Ok(Self { url, last })
    }

    pub(crate) fn last(&self) -> Option<Taken> {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn serve(
    connection: TcpStream,
    answer: &[u8],
    books: &Mutex<Option<Taken>>,
) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut writer = connection.try_clone()?;
    let mut reader = BufReader::with_capacity(64 * 1024, connection);
    let mut line = String::new();
    loop {
        let (mut taken, mut length) = (Taken::default(), 0);
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        taken.path = line.split(' ').nth(1).unwrap_or("/").to_owned();
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap_or(0),
                "content-type" => value.clone_into(&mut taken.content_type),
                _ => {}
            }
        }
        taken.body.resize(length, 0);
        reader.read_exact(&mut taken.body)?;
        writer.write_all(answer)?;
        *books.lock().unwrap_or_else(PoisonError::into_inner) = Some(taken);
    }
}
