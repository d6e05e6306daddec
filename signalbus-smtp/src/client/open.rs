//! From nothing to a session: connect, TLS, greeting, `EHLO`, `STARTTLS`, `AUTH`.

use std::{io, sync::Arc};

use lettre::transport::smtp::{
    client::AsyncSmtpConnection, extension::ClientId, response::Response,
};
use rustls::pki_types::ServerName;
use signalbus_core::clock::Clock;
use tokio::{io::AsyncReadExt, net::TcpStream};
use tokio_rustls::TlsConnector;

use super::{Cause, Extensions, Failure, Lack, Reply, Session, Stage, sign_in, wire::Wire, within};
use crate::{auth::SignIn, config::Deadlines, config::Security};

/// What is needed to reach a server.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) tls: TlsConnector,
    pub(crate) tls_name: ServerName<'static>,
    pub(crate) hello: Option<String>,
    pub(crate) sign_in: SignIn,
    pub(crate) deadlines: Deadlines,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Opens a session.
pub(crate) async fn open(to: &Connector) -> Result<Session, Failure> {
    let wire = connect(to).await?;
    if to.security == Security::Implicit {
        secure(to, &wire).await?;
    }
    greeting(to, &wire).await?;
    let (mut smtp, mut offers) = hello(to, &wire).await?;
    if to.security == Security::StartTls {
        if !offers.starttls {
            return Err(Failure::new(Stage::StartTls, Cause::Lacks(Lack::StartTls)));
        }
        let done = within(
            &*to.clock,
            to.deadlines.command,
            smtp.command("STARTTLS\r\n"),
        )
        .await;
        match done {
            Some(Ok(response)) if u16::from(response.code()) == 220 => {}
            Some(Ok(_)) => return Err(Failure::new(Stage::StartTls, Cause::Garbled)),
            Some(Err(error)) => {
                let ended = wire.has_ended();
                return Err(Failure::of_lettre(Stage::StartTls, &error, ended));
            }
            None => return Err(Failure::new(Stage::StartTls, Cause::Slow)),
        }
        secure(to, &wire).await?;
        (smtp, offers) = hello(to, &wire).await?;
    }
    let now = to.clock.monotonic();
    let mut session = Session {
        smtp,
        wire,
        offers,
        clock: Arc::clone(&to.clock),
        deadlines: to.deadlines,
        opened: now,
        used: now,
        mails: 0,
        halfway: false,
    };
    sign_in::sign_in(&mut session, &to.sign_in).await?;
    Ok(session)
}

async fn connect(to: &Connector) -> Result<Wire, Failure> {
    let connecting = TcpStream::connect((to.host.as_str(), to.port));
    let stream = within(&*to.clock, to.deadlines.connect, connecting)
        .await
        .ok_or(Failure::new(Stage::Connect, Cause::Slow))?
        .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
        .map_err(|error| Failure::lost(Stage::Connect, &error))?;
    Ok(Wire::new(stream))
}

async fn secure(to: &Connector, wire: &Wire) -> Result<(), Failure> {
    let securing = wire.secure(&to.tls, to.tls_name.clone());
    within(&*to.clock, to.deadlines.tls, securing)
        .await
        .ok_or(Failure::new(Stage::Tls, Cause::Slow))?
        .map_err(|error| {
            let cause = if is_untrusted(&error) {
                Cause::Untrusted
            } else {
                Cause::Lost(error.kind())
            };
            Failure::new(Stage::Tls, cause)
        })
}

/// Whether the certificates are at fault, theirs or ours: trying again changes nothing.
fn is_untrusted(error: &io::Error) -> bool {
    use rustls::{AlertDescription as Alert, Error};
    let tls = error
        .get_ref()
        .and_then(|source| source.downcast_ref::<Error>());
    matches!(
        tls,
        Some(
            Error::InvalidCertificate(_)
                | Error::InvalidCertRevocationList(_)
                | Error::PeerIncompatible(_)
                | Error::AlertReceived(
                    Alert::CertificateRequired
                        | Alert::BadCertificate
                        | Alert::UnsupportedCertificate
                        | Alert::CertificateRevoked
                        | Alert::CertificateExpired
                        | Alert::CertificateUnknown
                        | Alert::UnknownCA
                        | Alert::AccessDenied
                        | Alert::ProtocolVersion
                        | Alert::HandshakeFailure
                )
        )
    )
}

/// Reads the greeting. lettre reads one together with its `EHLO`; read here, each has its deadline.
async fn greeting(to: &Connector, wire: &Wire) -> Result<(), Failure> {
    let fail = |cause| Failure::new(Stage::Greeting, cause);
    let reading = read_reply(wire.clone());
    let text = within(&*to.clock, to.deadlines.greeting, reading)
        .await
        .ok_or(fail(Cause::Slow))?
        .map_err(|error| Failure::lost(Stage::Greeting, &error))?;
    let response: Response = text.parse().map_err(|_| fail(Cause::Garbled))?;
    let code = u16::from(response.code());
    match code {
        220 => Ok(()),
        400.. => {
            let text: Vec<&str> = response.message().collect();
            Err(fail(Cause::Refused(Reply::new(code, &text.join(" ")))))
        }
        _ => Err(fail(Cause::Garbled)),
    }
}

/// The longest greeting, in bytes.
const GREETING: usize = 16 * 1024;

/// Reads lines up to the last one of a reply.
async fn read_reply(mut wire: Wire) -> io::Result<String> {
    let mut text = String::new();
    loop {
        let byte = wire.read_u8().await?;
        // The filter lets nothing but ASCII through.
        text.push(char::from(byte));
        if byte == b'\n' {
            let last = text.trim_end().rsplit('\n').next().unwrap_or_default();
            if last.as_bytes().get(3) != Some(&b'-') {
                return Ok(text);
            }
        }
        if text.len() > GREETING {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

/// Says hello and reads what the server offers.
async fn hello(to: &Connector, wire: &Wire) -> Result<(AsyncSmtpConnection, Extensions), Failure> {
    // There is no second greeting after STARTTLS, and the first has been read.
    wire.say(b"220 \r\n");
    wire.copy();
    let name = match &to.hello {
        Some(name) => ClientId::Domain(name.clone()),
        None => match wire.local_addr().map(|address| address.ip()) {
            Ok(std::net::IpAddr::V4(ip)) => ClientId::Ipv4(ip),
            Ok(std::net::IpAddr::V6(ip)) => ClientId::Ipv6(ip),
            Err(error) => return Err(Failure::lost(Stage::Hello, &error)),
        },
    };
    let greeting = AsyncSmtpConnection::connect_with_transport(Box::new(wire.clone()), &name);
    let smtp = within(&*to.clock, to.deadlines.command, greeting)
        .await
        .ok_or(Failure::new(Stage::Hello, Cause::Slow))?
        .map_err(|error| Failure::of_lettre(Stage::Hello, &error, wire.has_ended()))?;
    let heard = wire.copied();
    let reply = String::from_utf8_lossy(heard.get(b"220 \r\n".len()..).unwrap_or_default());
    Ok((smtp, Extensions::parse(&reply)))
}
