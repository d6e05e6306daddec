//! Whether there are templates for what the policy sends.

use std::{collections::BTreeMap, sync::Arc};

use super::BuildError;
use crate::{
    name::{ChannelName, Topic},
    policy::Policy,
    route::Route,
    template::Templates,
};

type Routes = BTreeMap<ChannelName, Arc<dyn Route>>;

/// Finds what [`Templates::check`] finds, for all that this process sends: the template that a rule names or that is
/// named after its topic, and templates that are begun for a channel of a rule with `*`.
pub(super) fn check(
    policy: &Policy,
    routes: &Routes,
    templates: &Templates,
) -> Result<(), BuildError> {
    for (pattern, plan) in policy.rules() {
        let template = match &plan.template {
            Some(template) => template,
            None if Topic::new(&pattern).is_ok() => &pattern,
            None => continue,
        };
        for route in sent(routes, &plan.channels) {
            serves(templates, &pattern, route, template)?;
        }
    }
    for template in templates.names() {
        let Ok(topic) = Topic::new(template) else {
            continue;
        };
        let Some(plan) = policy.plan(&topic).filter(|plan| plan.template.is_none()) else {
            continue;
        };
        for route in sent(routes, &plan.channels) {
            if templates.has_any(template, route.parts()) {
                serves(templates, template, route, template)?;
            }
        }
    }
    Ok(())
}

/// The channels of a rule that are made from templates, and by this process.
fn sent<'a>(
    routes: &'a Routes,
    channels: &'a [&'static str],
) -> impl Iterator<Item = &'a Arc<dyn Route>> {
    channels
        .iter()
        .filter_map(|channel| routes.get(*channel))
        .filter(|route| !route.parts().is_empty() && !route.providers().is_empty())
}

fn serves(
    templates: &Templates,
    pattern: &str,
    route: &Arc<dyn Route>,
    template: &str,
) -> Result<(), BuildError> {
    templates
        .check(template, route.parts())
        .map_err(|problem| BuildError::Template {
            pattern: pattern.to_owned(),
            channel: route.name().clone(),
            problem,
        })
}
