//! SASL, as RFC 4422 and the Kafka protocol guide have it.

use bytes::Bytes;
use kafka_protocol::{
    messages::{SaslAuthenticateRequest, SaslHandshakeRequest},
    protocol::StrBytes,
};
use rsasl::{
    callback::{Context, Request, SessionCallback, SessionData},
    config::SASLConfig,
    mechname::Mechname,
    prelude::{SASLClient, SessionError},
    property::{OAuthBearerKV, OAuthBearerToken},
};
use secrecy::{ExposeSecret, SecretString};

use super::Connection;
use crate::{auth::Sasl, error::Failure, settings::Secret};

/// Signs in on a connection that was just made.
pub(super) async fn sign_in(connection: &mut Connection, sasl: &Sasl) -> Result<(), Failure> {
    let secret = sasl.secret().await.map_err(|_| Failure::Token)?;
    let mechanism = sasl.mechanism();
    let hello =
        SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(mechanism));
    Failure::of(connection.ask(&hello).await?.error_code)?;
    let config = match secret {
        Secret::Password(user, password) => {
            let password = password.expose_secret().to_owned();
            SASLConfig::with_credentials(None, user, password)
        }
        Secret::Token(token) => SASLConfig::builder()
            .with_default_mechanisms()
            .with_callback(Bearer(token)),
    };
    let refused = |_| Failure::SignIn;
    let client = SASLClient::new(config.map_err(|_| Failure::SignIn)?);
    let name = Mechname::parse(mechanism.as_bytes()).map_err(|_| Failure::SignIn)?;
    let mut session = client
        .start_suggested(&[name])
        .map_err(|_| Failure::SignIn)?;
    let mut heard: Option<Bytes> = None;
    loop {
        let mut said = Vec::new();
        let state = session.step(heard.as_deref(), &mut said).map_err(refused)?;
        if state.has_sent_message() {
            let request = SaslAuthenticateRequest::default().with_auth_bytes(said.into());
            let answer = connection.ask(&request).await?;
            Failure::of(answer.error_code)?;
            heard = Some(answer.auth_bytes);
        }
        if state.is_finished() {
            return Ok(());
        }
    }
}

/// Gives the token when it is asked for.
struct Bearer(SecretString);

impl SessionCallback for Bearer {
    fn callback(
        &self,
        _: &SessionData,
        _: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        request
            .satisfy::<OAuthBearerKV>(&[])?
            .satisfy::<OAuthBearerToken>(self.0.expose_secret())?;
        Ok(())
    }
}
