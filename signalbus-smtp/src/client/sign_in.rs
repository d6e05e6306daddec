//! `AUTH` (RFC 4954).

use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretString};

use super::{Cause, Failure, Lack, Session, Stage};
use crate::auth::SignIn;

/// Signs in with the best mechanism that both sides know.
pub(super) async fn sign_in(session: &mut Session, with: &SignIn) -> Result<(), Failure> {
    match with {
        SignIn::None => Ok(()),
        SignIn::Password { user, password } => {
            if session.offers.offers_auth("PLAIN") {
                plain(session, user, password).await
            } else if session.offers.offers_auth("LOGIN") {
                login(session, user, password).await
            } else {
                lacking()
            }
        }
        SignIn::Token { user, tokens } => {
            if !session.offers.offers_auth("XOAUTH2") {
                return lacking();
            }
            let token = tokens.token().await;
            let token = token.map_err(|error| no_token(&error))?;
            let refused = xoauth2(session, user, &token).await;
            if let Err(Failure {
                cause: Cause::Refused(reply),
                ..
            }) = &refused
                && reply.code >= 500
            {
                // It may have been revoked early: the next connection asks for another.
                tokens.forget(&token);
            }
            refused
        }
    }
}

fn lacking() -> Result<(), Failure> {
    Err(Failure::new(Stage::Auth, Cause::Lacks(Lack::Mechanism)))
}

fn no_token(error: &crate::TokenError) -> Failure {
    let transient = error.is_transient();
    Failure::new(Stage::Auth, Cause::NoToken { transient })
}

async fn say(session: &mut Session, line: String) -> Result<u16, Failure> {
    let limit = session.deadlines.command;
    let response = session.command(Stage::Auth, limit, line).await?;
    Ok(response.code().into())
}

fn expect(code: u16, expected: u16) -> Result<(), Failure> {
    if code == expected {
        Ok(())
    } else {
        Err(Failure::new(Stage::Auth, Cause::Garbled))
    }
}

/// RFC 4616, with the initial response.
async fn plain(session: &mut Session, user: &str, password: &SecretString) -> Result<(), Failure> {
    let secret = BASE64_STANDARD.encode(format!("\0{user}\0{}", password.expose_secret()));
    expect(say(session, format!("AUTH PLAIN {secret}\r\n")).await?, 235)
}

/// draft-murchison-sasl-login: user and password, whatever the challenges are called.
async fn login(session: &mut Session, user: &str, password: &SecretString) -> Result<(), Failure> {
    expect(say(session, "AUTH LOGIN\r\n".to_owned()).await?, 334)?;
    let user = BASE64_STANDARD.encode(user);
    expect(say(session, format!("{user}\r\n")).await?, 334)?;
    let password = BASE64_STANDARD.encode(password.expose_secret());
    expect(say(session, format!("{password}\r\n")).await?, 235)
}

/// Google's and Microsoft's bearer tokens. A refused token is answered with a challenge that has
/// the reason; an empty line gets the reply itself.
async fn xoauth2(session: &mut Session, user: &str, token: &SecretString) -> Result<(), Failure> {
    let token = token.expose_secret();
    let secret = BASE64_STANDARD.encode(format!("user={user}\x01auth=Bearer {token}\x01\x01"));
    let mut code = say(session, format!("AUTH XOAUTH2 {secret}\r\n")).await?;
    if code == 334 {
        code = say(session, "\r\n".to_owned()).await?;
    }
    expect(code, 235)
}
