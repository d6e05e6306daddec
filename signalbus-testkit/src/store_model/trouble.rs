//! A store that cannot write for the moment: its disk is full, or fails.

use std::{
    any::Any,
    fmt,
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use signalbus_core::{
    Store, TenantId,
    store::{
        Acceptance, BusAdvance, Cancel, Cancelled, Erase, Erased, Flush, Flushed, LaneHolding,
        LaneLease, LaneRequest, NewEvent, Pause, Paused, Receipt, ReceiptEffect, Redrive, Redriven,
        Released, Retention, StoreError, StoreErrorKind, Suppression, Unsuppress,
    },
};

use crate::store_layer::StoreLayer;

/// Lets a store that lies in this folder be unable to write, until what it gives is dropped.
pub(super) type Begin = dyn Fn(&Path) -> Box<dyn Any + Send> + Send + Sync;

/// A call of a store on its way.
type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A way to the store on which the next call that writes meets trouble first.
#[derive(Clone)]
pub(super) struct Troubled {
    inner: Arc<dyn Store>,
    place: PathBuf,
    begin: Arc<Begin>,
    ahead: Arc<AtomicBool>,
    refused: Arc<AtomicU64>,
}

impl fmt::Debug for Troubled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Troubled").finish_non_exhaustive()
    }
}

impl Troubled {
    pub(super) fn new(inner: Arc<dyn Store>, place: &Path, begin: Arc<Begin>) -> Self {
        Self {
            inner,
            place: place.to_owned(),
            begin,
            ahead: Arc::default(),
            refused: Arc::default(),
        }
    }

    /// The next call meets it.
    pub(super) fn expect(&self) {
        self.ahead.store(true, Ordering::Relaxed);
    }

    /// How many calls were refused.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// What is refused has done nothing, and is taken when the trouble is over: by the same store, without
    /// opening it again. There may have been room for a call, too.
    async fn call<'a, T: Send>(
        &self,
        call: impl Fn() -> Call<'a, T> + Send,
    ) -> Result<T, StoreError> {
        if !self.ahead.swap(false, Ordering::Relaxed) {
            return call().await;
        }
        let trouble = (self.begin)(&self.place);
        let answer = call().await;
        drop(trouble);
        match answer {
            Err(error) if is_trouble(error.kind()) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                call().await
            }
            answer => answer,
        }
    }
}

/// What a store may answer then. After a write that failed in the middle of a commit it cannot know; in the
/// troubles of this module nothing was written.
fn is_trouble(kind: StoreErrorKind) -> bool {
    matches!(
        kind,
        StoreErrorKind::Unavailable | StoreErrorKind::Ambiguous
    )
}

/// Calls that write.
macro_rules! writing {
    ($($method:ident($($name:ident: $type:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl StoreLayer for Troubled {
            fn inner(&self) -> &dyn Store {
                &*self.inner
            }

            $(
                async fn $method(&self, $($name: $type),*) -> Result<$answer, StoreError> {
                    self.call(|| self.inner.$method($(Clone::clone(&$name)),*)).await
                }
            )*
        }
    };
}

writing! {
    accept(events: Vec<NewEvent>, advance: Vec<BusAdvance>) -> Vec<Acceptance>;
    hold_lanes(request: LaneRequest) -> LaneHolding;
    flush(lanes: &[LaneLease], flush: &Flush) -> Flushed;
    record_receipts(receipts: Vec<Receipt>) -> Vec<ReceiptEffect>;
    redrive(redrive: Redrive) -> Redriven;
    cancel(tenant: &TenantId, cancel: Cancel) -> Vec<Cancelled>;
    pause(pause: Pause) -> bool;
    resume(what: &Paused) -> bool;
    release(limit: u32) -> Released;
    suppress(suppressions: Vec<Suppression>) -> ();
    unsuppress(which: Unsuppress) -> bool;
    purge(retention: &Retention) -> u64;
    erase(erase: &Erase) -> Erased;
}
