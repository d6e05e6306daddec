use signalbus_core::{
    Event,
    directory::{Expect, Kept, TemplateSources, TemplateVersion, TemplateVersions},
};

use super::Tenancy;
use crate::api::{
    RenderedMessage,
    input::Match,
    problem::{Answer, Problem, Wrong},
};

/// How many versions are kept; of older ones the published one stays.
const KEPT: usize = 50;
/// How often a change is tried that meets another one.
const TRIES: usize = 5;

impl Tenancy {
    /// Adds a version of a template, checked; the published one stays what it is.
    pub(crate) async fn add_version(
        &self,
        name: &str,
        sources: TemplateSources,
    ) -> Answer<Kept<TemplateVersions>> {
        self.state
            .engine()
            .check_template(name, &sources)
            .map_err(|problem| problem_of(&problem))?;
        self.change_template(name, "template.drafted", true, |versions| {
            let made_at = self.state.clock().now();
            let number = versions.next_number();
            let made_by = self.actor.clone();
            versions.versions.push(TemplateVersion::new(
                number,
                sources.clone(),
                made_at,
                made_by,
            ));
            let published = versions.published;
            while versions.versions.len() > KEPT {
                let oldest = versions
                    .versions
                    .iter()
                    .position(|version| Some(version.number) != published);
                versions.versions.remove(oldest.unwrap_or(0));
            }
            Ok(())
        })
        .await
    }

    /// Uses this version from now on: a newer one, or an older one to roll back. None to use the host's
    /// template again.
    pub(crate) async fn publish_version(
        &self,
        name: &str,
        number: Option<u32>,
    ) -> Answer<Kept<TemplateVersions>> {
        let action = if number.is_some() {
            "template.published"
        } else {
            "template.withdrawn"
        };
        let kept = self
            .change_template(name, action, false, |versions| {
                if let Some(number) = number {
                    let version = versions
                        .version(number)
                        .ok_or_else(|| Problem::not_found("version of this template"))?;
                    // What this engine takes may have changed since it was made.
                    self.state
                        .engine()
                        .check_template(name, &version.sources)
                        .map_err(|problem| problem_of(&problem))?;
                }
                versions.published = number;
                Ok(())
            })
            .await?;
        // Others follow within seconds; this process does at once.
        self.state
            .engine()
            .use_template(&self.tenant, name, kept.says.published());
        Ok(kept)
    }

    /// The messages that an event would give with a version of a template. Nothing is stored or sent.
    pub(crate) async fn preview(
        &self,
        name: &str,
        number: u32,
        mut event: Event,
    ) -> Answer<Vec<RenderedMessage>> {
        let kept: Kept<TemplateVersions> = self.document(name).await?;
        let version = kept
            .says
            .version(number)
            .ok_or_else(|| Problem::not_found("version of this template"))?;
        event.tenant = Some(self.tenant.to_string());
        self.state
            .engine()
            .preview(&event, name, &version.sources)
            .map_err(|problem| problem_of(&problem))
    }

    async fn change_template(
        &self,
        name: &str,
        action: &str,
        make: bool,
        change: impl Fn(&mut TemplateVersions) -> Answer<()>,
    ) -> Answer<Kept<TemplateVersions>> {
        let documents = self.state.documents::<TemplateVersions>();
        for _ in 0..TRIES {
            let there = documents.get(&self.owner(), name).await?;
            let expect = match &there {
                Some(kept) => Expect::Revision(kept.revision),
                None if make => Expect::Absent,
                None => return Err(Problem::not_found("template")),
            };
            let mut versions = there.map(|kept| kept.says).unwrap_or_default();
            change(&mut versions)?;
            let put = self.put(name, Match::of(expect), &versions, action).await;
            match put {
                Ok(_) => return self.document(name).await,
                Err(problem) if problem.wrong() == Wrong::Precondition => {}
                Err(problem) => return Err(problem),
            }
        }
        Err(Problem::new(
            Wrong::Conflict,
            "others change this template all the time: try again",
        ))
    }
}

fn problem_of(problem: &crate::api::TemplateProblem) -> Problem {
    Problem::new(Wrong::Invalid, problem.to_string()).field("sources")
}
