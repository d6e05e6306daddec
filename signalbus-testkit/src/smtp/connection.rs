use std::{io, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::{
    Act, Mail, ServerTls, Step, Visit,
    server::Shared,
    stream::{Stream, acceptor},
};

/// One connection of a client.
pub(super) struct Connection {
    shared: Arc<Shared>,
    stream: BufReader<Stream>,
    visit: usize,
    mail: Option<Mail>,
    signed_in: bool,
}

/// How a connection goes on after a step.
type GoesOn = io::Result<bool>;

impl Connection {
    pub(super) async fn run(stream: TcpStream, shared: Arc<Shared>) {
        let visit = shared.books.write(|books| {
            books.visits.push(Visit::default());
            books.visits.len() - 1
        });
        // Small replies go out at once, and a client that went away is no fault.
        let _ = stream.set_nodelay(true);
        let signed_in = shared.options.accounts.is_empty();
        let mut connection = Self {
            shared: Arc::clone(&shared),
            stream: BufReader::new(Stream::Tcp(stream)),
            visit,
            mail: None,
            signed_in,
        };
        let _ = connection.serve().await;
        drop(connection);
        shared.books.write(|books| books.visits[visit].over = true);
    }

    async fn serve(&mut self) -> io::Result<()> {
        let tls = self.shared.options.tls.clone();
        let go_on = match &tls {
            ServerTls::Implicit(identity) => self.secure(identity, None).await?,
            ServerTls::Mutual(identity, clients) => self.secure(identity, Some(clients)).await?,
            ServerTls::None | ServerTls::StartTls(_) => true,
        };
        if !go_on || self.answer(Step::Connect, "220 mail.test ESMTP").await? != Some(220) {
            return Ok(());
        }
        while let Some(line) = self.line().await? {
            if !self.command(&line).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn command(&mut self, line: &str) -> GoesOn {
        let verb = line.split([' ', ':']).next().unwrap_or_default();
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => self.hello().await,
            "HELO" => self.step(Step::Hello, "250 mail.test").await,
            "STARTTLS" => self.start_tls().await,
            "AUTH" => self.auth(line).await,
            "MAIL" => self.mail(line).await,
            "RCPT" => self.rcpt(line).await,
            "DATA" => self.data().await,
            "RSET" => {
                self.mail = None;
                self.step(Step::Reset, "250 2.0.0 ok").await
            }
            "NOOP" => self.say(b"250 2.0.0 ok\r\n").await.map(|()| true),
            "QUIT" => {
                self.note(|visit| visit.polite = true);
                self.step(Step::Quit, "221 2.0.0 bye").await.map(|_| false)
            }
            _ => self.say(b"500 5.5.2 what?\r\n").await.map(|()| true),
        }
    }

    async fn hello(&mut self) -> GoesOn {
        let options = &self.shared.options;
        let mut lines = vec!["mail.test".to_owned()];
        lines.extend(options.extensions.iter().cloned());
        if matches!(options.tls, ServerTls::StartTls(_))
            && matches!(self.stream.get_ref(), Stream::Tcp(_))
        {
            lines.push("STARTTLS".to_owned());
        } else if !options.mechanisms.is_empty() {
            lines.push(format!("AUTH {}", options.mechanisms.join(" ")));
        }
        let last = lines.len() - 1;
        let reply: Vec<String> = lines
            .iter()
            .enumerate()
            .map(|(index, line)| format!("250{}{line}", if index == last { ' ' } else { '-' }))
            .collect();
        self.step(Step::Hello, &reply.join("\r\n")).await
    }

    async fn start_tls(&mut self) -> GoesOn {
        let ServerTls::StartTls(identity) = self.shared.options.tls.clone() else {
            return self.say(b"502 5.5.1 no TLS\r\n").await.map(|()| true);
        };
        match self.answer(Step::StartTls, "220 2.0.0 go ahead").await? {
            Some(220) => self.secure(&identity, None).await,
            code => Ok(code.is_some()),
        }
    }

    async fn secure(&mut self, identity: &super::Identity, clients: Option<&str>) -> GoesOn {
        let act = self.shared.script.act(Step::Handshake, None);
        self.reached(Step::Handshake);
        match act {
            Some(Act::Stall) => {
                self.stall().await;
                return Ok(false);
            }
            Some(_) => return Ok(false),
            None => {}
        }
        let Stream::Tcp(tcp) = std::mem::replace(self.stream.get_mut(), Stream::None) else {
            return Ok(false);
        };
        let secured = acceptor(identity, clients).accept(tcp).await?;
        let stream = Stream::Tls(Box::new(secured));
        let certificate = stream.has_certificate();
        self.note(|visit| {
            visit.tls = true;
            visit.certificate = certificate;
        });
        self.stream = BufReader::new(stream);
        Ok(true)
    }

    /// Asks for what the mechanism needs, and looks the account up.
    async fn auth(&mut self, line: &str) -> GoesOn {
        let mut words = line.split(' ').skip(1);
        let mechanism = words.next().unwrap_or_default().to_ascii_uppercase();
        let initial = words.next().map(str::to_owned);
        let (user, secret) = match (mechanism.as_str(), initial) {
            ("PLAIN", Some(text)) => {
                let text = decode(&text);
                let mut parts = text.split('\0').skip(1);
                let mut part = || parts.next().unwrap_or_default().to_owned();
                (part(), part())
            }
            ("LOGIN", None) => {
                let user = self.ask("Username:").await?;
                (user, self.ask("Password:").await?)
            }
            ("XOAUTH2", Some(text)) => {
                let text = decode(&text);
                let mut parts = text.split('\x01');
                let mut part = |prefix| {
                    let part = parts.next().and_then(|part| part.strip_prefix(prefix));
                    part.unwrap_or_default().to_owned()
                };
                (part("user="), part("auth=Bearer "))
            }
            _ => return self.say(b"504 5.5.4 no\r\n").await.map(|()| true),
        };
        let known = &self.shared.options.accounts;
        let good = known.is_empty() || known.contains(&(user.clone(), secret));
        if !good && mechanism == "XOAUTH2" {
            // The reason comes as a challenge, which the client answers with nothing.
            self.ask("{\"status\":\"401\"}").await?;
        }
        let usual = if good {
            "235 2.7.0 welcome"
        } else {
            "535 5.7.8 no such account"
        };
        let code = self.answer(Step::Auth, usual).await?;
        if code == Some(235) {
            self.signed_in = true;
            self.note(|visit| visit.user = Some(user));
        }
        Ok(code.is_some())
    }

    async fn ask(&mut self, what: &str) -> io::Result<String> {
        let challenge = format!("334 {}\r\n", BASE64_STANDARD.encode(what));
        self.say(challenge.as_bytes()).await?;
        let line = self.line().await?;
        Ok(decode(&line.ok_or(io::ErrorKind::UnexpectedEof)?))
    }

    async fn mail(&mut self, line: &str) -> GoesOn {
        let (from, parameters) = path(line);
        let usual = match (&self.mail, self.signed_in) {
            (Some(_), _) => "503 5.5.1 there is one",
            (None, false) => "530 5.7.0 sign in first",
            (None, true) => "250 2.1.0 ok",
        };
        let code = self.answer(Step::Mail, usual).await?;
        if code == Some(250) {
            self.mail = Some(Mail {
                visit: self.visit,
                from,
                parameters,
                ..Mail::default()
            });
        }
        Ok(code.is_some())
    }

    async fn rcpt(&mut self, line: &str) -> GoesOn {
        let (to, _) = path(line);
        let usual = match &self.mail {
            Some(mail) => match &self.shared.options.recipients {
                Some((most, refusal)) if mail.to.len() >= *most => refusal.clone(),
                _ => "250 2.1.5 ok".to_owned(),
            },
            None => "503 5.5.1 from whom?".to_owned(),
        };
        let act = self.shared.script.act(Step::Recipient, Some(&to));
        let code = self.act(Step::Recipient, act, &usual).await?;
        if code == Some(250)
            && let Some(mail) = &mut self.mail
        {
            mail.to.push(to);
        }
        Ok(code.is_some())
    }

    async fn data(&mut self) -> GoesOn {
        let usual = match &self.mail {
            Some(mail) if !mail.to.is_empty() => "354 go ahead",
            _ => "503 5.5.1 to whom?",
        };
        let code = self.answer(Step::Data, usual).await?;
        if code != Some(354) {
            return Ok(code.is_some());
        }
        let entry = self.shared.books.write(|books| {
            books.mails.push(self.mail.take().unwrap_or_default());
            books.mails.len() - 1
        });
        let act = self.shared.script.act(Step::Content, None);
        if let Some(act) = act {
            self.stream.read_u8().await?;
            self.reached(Step::Content);
            if act == Act::Stall {
                self.stall().await;
            }
            return Ok(false);
        }
        loop {
            let mut line = Vec::new();
            if self.stream.read_until(b'\n', &mut line).await? == 0 {
                return Ok(false);
            }
            if line == b".\r\n" {
                break;
            }
            let line = line.strip_prefix(b".").unwrap_or(&line);
            let books = &self.shared.books;
            books.write(|books| books.mails[entry].content.extend_from_slice(line));
        }
        self.shared
            .books
            .write(|books| books.mails[entry].whole = true);
        let act = self.shared.script.act(Step::Dot, None);
        let answer = match &act {
            None => Some(250),
            Some(Act::Reply(text) | Act::ReplyAndDrop(text)) => code_of(text),
            Some(Act::Stall | Act::Drop) => None,
        };
        self.shared
            .books
            .write(|books| books.mails[entry].answer = answer);
        let code = self.act(Step::Dot, act, "250 2.0.0 taken").await?;
        Ok(code.is_some())
    }

    /// Does a step; whether the connection goes on.
    async fn step(&mut self, step: Step, usual: &str) -> GoesOn {
        Ok(self.answer(step, usual).await?.is_some())
    }

    async fn answer(&mut self, step: Step, usual: &str) -> io::Result<Option<u16>> {
        let act = self.shared.script.act(step, None);
        self.act(step, act, usual).await
    }

    /// Does this, or answers as usual. The code of the answer, or none when the connection ends.
    async fn act(&mut self, step: Step, act: Option<Act>, usual: &str) -> io::Result<Option<u16>> {
        let reply = match act {
            None => format!("{usual}\r\n").into_bytes(),
            Some(Act::Reply(reply)) => reply,
            Some(Act::ReplyAndDrop(reply)) => {
                self.say(&reply).await?;
                self.reached(step);
                return Ok(None);
            }
            Some(Act::Stall) => {
                self.reached(step);
                self.stall().await;
                return Ok(None);
            }
            Some(Act::Drop) => {
                self.reached(step);
                return Ok(None);
            }
        };
        self.say(&reply).await?;
        self.reached(step);
        Ok(Some(code_of(&reply).unwrap_or(0)))
    }

    /// Says nothing until the client has gone.
    async fn stall(&mut self) {
        // However it goes is fine.
        let _ = tokio::io::copy(&mut self.stream, &mut tokio::io::sink()).await;
    }

    async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes).await?;
        stream.flush().await
    }

    async fn line(&mut self) -> io::Result<Option<String>> {
        let ahead = !self.stream.buffer().is_empty();
        let mut line = Vec::new();
        if self.stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        self.note(|visit| {
            visit.lines.push(line.clone());
            visit.ahead += usize::from(ahead);
        });
        Ok(Some(line))
    }

    fn note(&self, write: impl FnOnce(&mut Visit)) {
        let visit = self.visit;
        self.shared
            .books
            .write(|books| write(&mut books.visits[visit]));
    }

    fn reached(&self, step: Step) {
        self.shared.books.write(|books| books.steps.push(step));
    }
}

/// The address between the brackets, and what follows them.
fn path(line: &str) -> (String, Vec<String>) {
    let rest = line.split_once('<').map_or("", |(_, rest)| rest);
    let (address, parameters) = rest.rsplit_once('>').unwrap_or((rest, ""));
    let parameters = parameters.split_ascii_whitespace().map(str::to_owned);
    (address.to_owned(), parameters.collect())
}

fn decode(text: &str) -> String {
    let bytes = BASE64_STANDARD.decode(text).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn code_of(reply: &[u8]) -> Option<u16> {
    std::str::from_utf8(reply.get(..3)?).ok()?.parse().ok()
}
