use signalbus_core::directory::ProviderAccount;

use super::Tenancy;
use crate::{
    api::{
        input::Match,
        problem::{Answer, Problem, Wrong},
        words::AccountIn,
    },
    vault::{GuardError, place_of},
};

impl Tenancy {
    /// Seals an account of this tenant and keeps it. Its host must be a public one.
    pub(crate) async fn put_account(
        &self,
        name: &str,
        expect: Match,
        asked: AccountIn,
    ) -> Answer<u64> {
        let vault = self.state.vault().ok_or_else(|| {
            Problem::new(
                Wrong::Invalid,
                "this installation keeps no accounts of tenants: the host has given no master key",
            )
        })?;
        if let Some(host) = &asked.host {
            let port = asked.port.unwrap_or(443);
            vault
                .guard()
                .resolve(host, port)
                .await
                .map_err(|error| guarded(&error))?;
        }
        let place = place_of(&self.tenant, name);
        let plain = asked.secret_bytes()?;
        let sealed = vault.seal(&place, &plain);
        let mut account = ProviderAccount::new(asked.channel, asked.provider, sealed);
        account.host = asked.host;
        account.port = asked.port;
        self.put(name, expect, &account, "account.changed").await
    }
}

fn guarded(error: &GuardError) -> Problem {
    let wrong = match error {
        GuardError::Unresolved => Wrong::Unavailable,
        _ => Wrong::Invalid,
    };
    Problem::new(wrong, error.to_string()).field("host")
}
