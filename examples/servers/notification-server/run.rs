//! The server: requests in, messages out, until it is told to stop.

use std::{error::Error, net::SocketAddr, time::Duration};

use signalbus::http::{
    Api,
    api::{Proxies, Readiness},
    serve::{ServeOptions, serve},
    vault::AddressGuard,
};
use tokio::net::TcpListener;

use crate::{args::Args, engine, limits, secrets, store::Stored};

/// How long those who send requests have to notice that this process is about to stop.
const NOTICE: Duration = Duration::from_secs(1);

pub(crate) async fn run(args: &Args, address: SocketAddr) -> Result<(), Box<dyn Error>> {
    secrets::folder(&args.data)?;
    let stored = Stored::open(&args.data, args.store.as_deref()).await?;
    let limiter = limits::shared(args)?;
    let guard = AddressGuard::new().allow(args.account_networks.clone());
    let vault = secrets::vault(&args.data, args.store.is_none())?;
    let vault = vault.map(|vault| vault.with_guard(guard));
    let signalbus =
        engine::engine(args, &stored, &args.data, limiter.clone(), vault.as_ref()).await?;
    let readiness = Readiness::new();
    let mut api = Api::new(
        signalbus.clone(),
        stored.directory(),
        secrets::pepper(&args.data)?,
    )
    .readiness(readiness.clone());
    if let Some(vault) = &vault {
        api = api.vault(vault.clone());
    }
    if !args.proxies.is_empty() {
        api = api.proxies(Proxies::of(args.proxies.clone()));
    }
    if let Some(limiter) = limiter {
        api = api.limiter(limiter);
    }
    if let Some(path) = secrets::first_key(&api.keys(), &args.data).await? {
        println!("the first key is in {}", path.display());
    }
    // Before anything is sent: a port that is taken is no reason to begin.
    let listener = TcpListener::bind(address).await?;
    let _listening = match &stored {
        Stored::Postgres(store) => Some(store.listen(signalbus.wake()).await?),
        Stored::Sqlite(_) => None,
    };
    // Before anything is sent: what tenants have published goes before the files.
    let directory = stored.directory();
    let loaded = signalbus.load_templates(&directory, 0).await?;
    let following = {
        let signalbus = signalbus.clone();
        tokio::spawn(async move { signalbus.follow_templates(directory, loaded).await })
    };
    if let Some(vault) = vault {
        let turned = vault.rotate(stored.directory(), "notification-server");
        let turned = turned.await?;
        if turned.wrapped > 0 || !turned.closed.is_empty() {
            let (wrapped, closed) = (turned.wrapped, turned.closed.len());
            println!("accounts: {wrapped} under the new master key, {closed} that do not open");
        }
    }
    signalbus.start();
    println!("listening on http://{}", listener.local_addr()?);
    let stop = async {
        told_to_stop().await;
        readiness.leave();
        tokio::time::sleep(NOTICE).await;
    };
    serve(listener, api.router(), ServeOptions::default(), stop).await?;
    following.abort();
    signalbus.shutdown().await;
    stored.close().await;
    println!("stopped");
    Ok(())
}

/// Waits for the interrupt of a terminal, or for the signal of whoever watches over it.
async fn told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without it there is nobody to be told by.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
