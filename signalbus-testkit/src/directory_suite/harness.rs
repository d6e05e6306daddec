use std::{pin::Pin, rc::Rc, sync::Arc};

use serde_json::Value;
use signalbus_core::{
    Clock, Directory, Entropy, TenantId,
    directory::{Change, Changed, Expect, Keys, Kind, Owner, keys::Pepper},
};

use super::Place;
use crate::clock::ManualClock;

/// What a case works with: an empty directory, a clock that stands still, and short ways to say what is
/// given.
#[derive(Clone)]
pub struct Harness {
    /// The clock of the directory.
    pub clock: ManualClock,
    /// The directory.
    pub directory: Arc<dyn Directory>,
    place: Rc<Place>,
    open: Rc<Opener>,
}

type Opener = dyn for<'a> Fn(
    Arc<dyn Clock>,
    &'a Place,
) -> Pin<Box<dyn Future<Output = Arc<dyn Directory>> + 'a>>;

impl Harness {
    pub(super) async fn new<F, D>(open: F) -> Self
    where
        F: AsyncFn(Arc<dyn Clock>, &Place) -> D + 'static,
        D: Directory,
    {
        let open = Rc::new(open);
        let open: Rc<Opener> = Rc::new(move |clock, place| {
            let open = Rc::clone(&open);
            Box::pin(async move { Arc::new(open(clock, place).await) as Arc<dyn Directory> })
        });
        let clock = ManualClock::default();
        let place = Rc::new(Place::new());
        let directory = open(Arc::new(clock.clone()), &place).await;
        Self {
            clock,
            directory,
            place,
            open,
        }
    }

    /// The same place, opened once more beside this one, as another process does.
    pub async fn other_process(&self) -> Self {
        let directory = (self.open)(Arc::new(self.clock.clone()), &self.place).await;
        Self {
            directory,
            ..self.clone()
        }
    }

    /// Keys in the directory, always under the same pepper.
    #[must_use]
    pub fn keys(&self) -> Keys {
        self.keys_under(Pepper::new([7; 32]))
    }

    /// Keys in the directory under this pepper.
    #[must_use]
    pub fn keys_under(&self, pepper: Pepper) -> Keys {
        Keys::new(
            Arc::clone(&self.directory),
            pepper,
            Arc::new(self.clock.clone()),
            Arc::new(Entropy::from_os()),
        )
    }

    /// Makes one change; gives its revision, if it found what it expected.
    pub async fn put(
        &self,
        owner: &Owner,
        kind: Kind,
        name: &str,
        expect: Expect,
        body: Option<Value>,
    ) -> Option<u64> {
        let change = change(owner, kind, name, expect, body);
        match self.directory.change("ada", vec![change]).await.unwrap() {
            Changed::Done(revisions) => Some(revisions[0]),
            Changed::Conflict(place) => {
                assert_eq!(place, 0);
                None
            }
        }
    }
}

/// One change.
#[must_use]
pub(super) fn change(
    owner: &Owner,
    kind: Kind,
    name: &str,
    expect: Expect,
    body: Option<Value>,
) -> Change {
    Change {
        owner: owner.clone(),
        kind,
        name: name.to_owned(),
        expect,
        body,
        action: format!("{}.changed", kind.as_str()),
    }
}

/// A tenant with this name.
#[must_use]
pub(super) fn of(name: &str) -> Owner {
    Owner::Tenant(TenantId::new(name).unwrap())
}

impl std::fmt::Debug for Harness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Harness")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}
