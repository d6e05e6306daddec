//! What much in hand costs: no more than what is looked at.

use std::cell::Cell;

use super::*;

/// Counts the tenants that a pick looks at.
struct Counting<'a> {
    rooms: Rooms,
    looked_at: &'a Cell<usize>,
}

impl Room for Counting<'_> {
    fn for_first(&mut self, channel: usize) -> bool {
        self.rooms.for_first(channel)
    }

    fn for_retry(&mut self, channel: usize) -> bool {
        self.rooms.for_retry(channel)
    }

    fn for_files(&mut self, ready: &Ready) -> bool {
        self.rooms.for_files(ready)
    }

    fn is_probing(&self, channel: usize) -> bool {
        self.rooms.is_probing(channel)
    }

    fn for_tenant(&self, _: &TenantId) -> bool {
        self.looked_at.set(self.looked_at.get() + 1);
        true
    }
}

fn of_tenants(count: i64, retry: bool) -> impl Iterator<Item = Ready> {
    (0..count).map(move |number| {
        let mut made = ready(number);
        made.tenant = tenant(&format!("tenant-{number}"));
        made.tries = u32::from(retry);
        made.attempt = made.tries;
        made
    })
}

/// Those whose retries wait for budget are not looked at by whoever picks a first try.
#[test]
fn a_pick_looks_at_no_tenant_that_has_nothing_for_it() {
    for tenants in [1, 4_000] {
        let mut scheduler = scheduler(of_tenants(tenants, true));
        let mut other = ready(tenants);
        other.tenant = tenant("other");
        scheduler.admit(other);
        let looked_at = Cell::new(0);
        let rooms = Rooms {
            retry: [false; 2],
            ..ALL
        };
        let mut room = Counting {
            rooms,
            looked_at: &looked_at,
        };
        scheduler.begin(&mut room);
        let picked = scheduler.pick(&|_| 1, &mut room).unwrap();
        assert_eq!(picked.ready.tenant, tenant("other"));
        assert!(scheduler.pick(&|_| 1, &mut room).is_none());
        assert_eq!(looked_at.get(), 1, "of {tenants}");
    }
}

/// For a profiler that counts instructions; see `docs/concepts/defaults.md`.
#[test]
#[ignore = "measured by hand, with SIGNALBUS_IN_HAND deliveries"]
fn half_of_the_lanes_are_lost() {
    let count = std::env::var("SIGNALBUS_IN_HAND").unwrap().parse().unwrap();
    let mut scheduler = scheduler((0..count).map(|number| {
        let mut made = ready(number);
        made.lane = LaneId::from_stored(number.unsigned_abs() % 64);
        made
    }));
    let lost: Vec<LaneId> = (0..32).map(LaneId::from_stored).collect();
    forget(&mut scheduler, &lost);
    assert_eq!(
        waiting(&scheduler, Class::Standard),
        usize::try_from(count).unwrap() / 2
    );
}

#[inline(never)]
fn forget(scheduler: &mut Scheduler, lost: &[LaneId]) {
    scheduler.forget_lanes(lost);
}
