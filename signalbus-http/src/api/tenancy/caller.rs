use std::{collections::BTreeSet, marker::PhantomData};

use axum::extract::{FromRequestParts, MatchedPath};
use http::{HeaderMap, header, request::Parts};
use signalbus_core::{
    TenantId,
    directory::{
        Kind, Owner,
        keys::{KeyError, KeyRecord, Scope},
    },
};

use super::{ApiState, Host, Tenancy, scopes::Needs};
use crate::api::{
    FixedKey,
    manners::Notes,
    problem::{Answer, Problem, Wrong},
};

/// Whose things a key of the host asks for; the tenant `default` when left out. For a key of a tenant
/// there is nothing to choose.
pub(crate) const TENANT_HEADER: &str = "signalbus-tenant";

/// A caller with the scope `S`, and the tenant they act for.
pub(crate) struct By<S> {
    pub(crate) tenancy: Tenancy,
    scope: PhantomData<S>,
    key: Caller,
}

impl<S> By<S> {
    /// The same for the tenant of this name, as if the request had named it.
    pub(crate) async fn named(mut self, tenant: TenantId) -> Answer<Self> {
        let state = self.tenancy.state.clone();
        self.tenancy.tenant = chosen(&self.key, Some(tenant), &state).await?;
        Ok(self)
    }
}

/// What is known of who asks.
struct Caller {
    id: String,
    owner: Owner,
    scopes: BTreeSet<Scope>,
    /// It may name any tenant: there is no directory of them.
    any_tenant: bool,
}

impl Caller {
    /// How the trail and histories name who did it.
    fn actor(&self) -> String {
        format!("key:{}", self.id)
    }
}

impl From<KeyRecord> for Caller {
    fn from(key: KeyRecord) -> Self {
        Self {
            id: key.id,
            owner: key.owner,
            scopes: key.scopes,
            any_tenant: false,
        }
    }
}

impl From<&FixedKey> for Caller {
    fn from(key: &FixedKey) -> Self {
        Self {
            id: key.name().to_owned(),
            owner: Owner::Host,
            scopes: key.scopes().clone(),
            any_tenant: true,
        }
    }
}

/// A caller with a key of the host and the scope `admin`.
pub(crate) struct ByHost(pub(crate) Host);

impl<S: Needs> FromRequestParts<ApiState> for By<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Answer<Self> {
        let key = authenticate(parts, state, S::SCOPE).await?;
        let tenant = tenant_of(&key, &parts.headers, state).await?;
        Ok(Self {
            tenancy: Tenancy {
                state: state.clone(),
                tenant,
                actor: key.actor(),
            },
            scope: PhantomData,
            key,
        })
    }
}

impl FromRequestParts<ApiState> for ByHost {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Answer<Self> {
        let key = authenticate(parts, state, Scope::Admin).await?;
        if key.owner != Owner::Host {
            return Err(Problem::new(
                Wrong::Forbidden,
                "this is for keys of the host; this one is of a tenant",
            ));
        }
        Ok(Self(Host {
            state: state.clone(),
            actor: key.actor(),
        }))
    }
}

/// The key of a request, if it is good, has the scope, and does not come too often.
async fn authenticate(parts: &Parts, state: &ApiState, scope: Scope) -> Answer<Caller> {
    let token = bearer(&parts.headers).ok_or(KeyError::Refused)?;
    let fixed = state.fixed_keys().iter().find(|key| key.is(token));
    let key = match fixed {
        Some(key) => Caller::from(key),
        None => state.keys().authenticate(token).await?.into(),
    };
    limit(parts, state, &key).await?;
    if key.scopes.contains(&scope) {
        return Ok(key);
    }
    Err(Problem::new(
        Wrong::Forbidden,
        format!("this needs a key with the scope `{scope}`"),
    ))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
}

async fn limit(parts: &Parts, state: &ApiState, key: &Caller) -> Answer<()> {
    let Some(rates) = state.rates() else {
        return Ok(());
    };
    let route = parts
        .extensions
        .get::<MatchedPath>()
        .map_or("unmatched", MatchedPath::as_str);
    let drawn = rates.take(&key.id, route).await;
    if let Some(notes) = parts.extensions.get::<Notes>() {
        notes.drew(&drawn);
    }
    match drawn.wait {
        None => Ok(()),
        Some(wait) => {
            crate::api::manners::rejected(route, "key");
            Err(Problem::new(
                Wrong::RateLimited,
                "this key asked this route too often: come again when `Retry-After` says",
            )
            .retry_after(wait))
        }
    }
}

async fn tenant_of(key: &Caller, headers: &HeaderMap, state: &ApiState) -> Answer<TenantId> {
    let named = match headers.get(TENANT_HEADER) {
        None => None,
        Some(value) => {
            let tenant = value
                .to_str()
                .ok()
                .and_then(|tenant| TenantId::new(tenant).ok())
                .ok_or_else(|| Problem::not_found("tenant"))?;
            Some(tenant)
        }
    };
    chosen(key, named, state).await
}

async fn chosen(key: &Caller, named: Option<TenantId>, state: &ApiState) -> Answer<TenantId> {
    match (&key.owner, named) {
        (Owner::Tenant(own), None) => Ok(own.clone()),
        (Owner::Tenant(own), Some(named)) if *own == named => Ok(named),
        (Owner::Tenant(_), Some(_)) => Err(Problem::not_found("tenant")),
        (Owner::Host, None) => Ok(TenantId::default()),
        (Owner::Host, Some(named)) => {
            let known = key.any_tenant
                || named == TenantId::default()
                || state
                    .directory()
                    .entry(&Owner::Host, Kind::Tenant, named.as_str())
                    .await?
                    .is_some();
            known
                .then_some(named)
                .ok_or_else(|| Problem::not_found("tenant"))
        }
    }
}
