use signalbus_core::directory::NamePage;

use super::Tenancy;
use crate::api::{
    ApiLimits,
    problem::{Answer, Problem, Wrong},
    words::PageQuery,
};

/// Lines of a page unless said.
const LINES: u32 = 50;

impl Tenancy {
    /// How much a request may ask for.
    pub(crate) fn limits(&self) -> &ApiLimits {
        self.state.limits()
    }

    /// How many lines a page has.
    pub(crate) fn page_limit(&self, asked: Option<u32>) -> Answer<u32> {
        page_limit(self.limits(), asked)
    }

    /// A page of a list of names.
    pub(crate) fn name_page(&self, query: PageQuery) -> Answer<NamePage> {
        name_page(self.limits(), query)
    }
}

pub(super) fn page_limit(limits: &ApiLimits, asked: Option<u32>) -> Answer<u32> {
    let most = limits.page;
    match asked {
        None => Ok(LINES.min(most)),
        Some(asked) if (1..=most).contains(&asked) => Ok(asked),
        Some(_) => Err(Problem::new(Wrong::Invalid, format!("must be 1 to {most}")).field("limit")),
    }
}

pub(super) fn name_page(limits: &ApiLimits, query: PageQuery) -> Answer<NamePage> {
    Ok(NamePage {
        after: query.after,
        changed_from: query.changed_from,
        changed_before: query.changed_before,
        limit: page_limit(limits, query.limit)?,
    })
}
