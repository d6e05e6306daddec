use std::{fmt, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use signalbus_core::provider::{Fault, SendError};
use signalbus_http_client::{BaseUrl, Form, HttpClient, Request};
use tokio::sync::Mutex;

/// How requests are signed in. Receipts are signed with the auth token all the same.
#[derive(Clone)]
#[non_exhaustive]
pub enum Auth {
    /// The account's own token: it may do everything.
    Token(SecretString),
    /// An API key: its SID (`SK…`) and secret.
    Key {
        /// Its SID.
        sid: String,
        /// Its secret.
        secret: SecretString,
    },
    /// An OAuth application, by client credentials: a token for an hour at a time ("OAuth Token API",
    /// 2026).
    OAuth {
        /// Its client id.
        client_id: String,
        /// Its client secret.
        client_secret: SecretString,
    },
}

/// A token and when it ends, in monotonic time.
struct Bearer {
    token: SecretString,
    until: Duration,
}

/// Signs requests in, and keeps the OAuth token between them.
pub(crate) struct Signer {
    auth: Auth,
    account: String,
    oauth: BaseUrl,
    bearer: Mutex<Option<Bearer>>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    expires_in: u64,
}

/// A token is renewed this long before it ends.
const EARLY: Duration = Duration::from_secs(60);

impl Signer {
    pub(crate) fn new(auth: Auth, account: String, oauth: BaseUrl) -> Self {
        Self {
            auth,
            account,
            oauth,
            bearer: Mutex::new(None),
        }
    }

    /// Signs a request in. Cancel safe: a token that was not fetched to its end is fetched anew.
    ///
    /// # Errors
    /// When there is no token to be had: nothing was sent.
    pub(crate) async fn sign(
        &self,
        http: &HttpClient,
        request: Request,
    ) -> Result<Request, SendError> {
        match &self.auth {
            Auth::Token(token) => Ok(request.basic_auth(&self.account, token)),
            Auth::Key { sid, secret } => Ok(request.basic_auth(sid, secret)),
            Auth::OAuth {
                client_id,
                client_secret,
            } => {
                // Held while it is fetched, so that it is fetched once.
                let mut bearer = self.bearer.lock().await;
                let now = http.clock().monotonic();
                if bearer.as_ref().is_none_or(|bearer| bearer.until <= now) {
                    *bearer = Some(self.fetch(http, client_id, client_secret).await?);
                }
                Ok(match &*bearer {
                    Some(bearer) => request.bearer_auth(&bearer.token),
                    None => request,
                })
            }
        }
    }

    /// Twilio refused the token: the next request fetches another. Whether there is another to be had.
    pub(crate) async fn refused(&self) -> bool {
        self.bearer.lock().await.take().is_some()
    }

    async fn fetch(
        &self,
        http: &HttpClient,
        client_id: &str,
        client_secret: &SecretString,
    ) -> Result<Bearer, SendError> {
        let form = Form::new()
            .field("grant_type", "client_credentials")
            .field("client_id", client_id)
            .field("client_secret", client_secret.expose_secret());
        let url = self.oauth.join(["v2", "token"]);
        let answer = http
            .ask(Request::post("oauth", url).form(form))
            .await
            .map_err(|error| {
                let message = "no OAuth token: Twilio cannot be reached";
                SendError::retryable(Fault::Provider, message).with_source(error)
            })?;
        let status = answer.status();
        let refused = |fault, message: &str| {
            SendError::retryable(fault, message).with_code(status.to_string())
        };
        match status {
            200 => {
                let granted: Granted = answer.json().map_err(|_| {
                    refused(Fault::Provider, "no OAuth token: the answer cannot be read")
                })?;
                let lasts = Duration::from_secs(granted.expires_in).saturating_sub(EARLY);
                Ok(Bearer {
                    token: granted.access_token,
                    until: http.clock().monotonic().saturating_add(lasts),
                })
            }
            429 => Err(refused(Fault::Quota, "no OAuth token: too many requests")),
            400..=499 => Err(refused(
                Fault::Configuration,
                "no OAuth token: the client id or secret is refused",
            )),
            _ => Err(refused(Fault::Provider, "no OAuth token: Twilio failed")),
        }
    }
}

impl fmt::Debug for Auth {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token(…)",
            Self::Key { .. } => "Key(…)",
            Self::OAuth { .. } => "OAuth(…)",
        })
    }
}
