//! From an event to the message for one recipient.

use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::{Job, TypedRoute, Unsendable, View, content::Rendering};
use crate::{
    chain::Chain,
    channel::{Address as _, Channel, Compose, ComposeError},
    event::Recipient,
    store::{AddressHash, hash_address},
    template::Templates,
    text::without_value,
};

/// Why no message could be made, and what was said about it.
pub(super) type Failure = (Unsendable, String);

/// What is said of a secret that was asked for too late.
const SECRET_GONE: &str = "its secret was kept until the event ended, and is gone: publish a new \
                           event, or redrive the frozen message if one was kept";

/// A message to send.
pub(super) struct Made<M> {
    pub(super) rendering: Rendering<M>,
    /// Whether it is as an earlier try left it.
    pub(super) kept: bool,
}

impl<M: Serialize> Made<M> {
    pub(super) fn is_doubtful(&self, job: &Job) -> bool {
        self.rendering.doubt == Some(job.generation)
    }

    /// The blob for the next try. A message that cannot be serialized is rendered again.
    pub(super) fn keep(mut self, job: &Job, doubtful: bool) -> Option<Bytes> {
        let doubt = doubtful.then_some(job.generation);
        if self.kept && self.rendering.doubt == doubt {
            return job.rendering.clone();
        }
        self.rendering.doubt = doubt;
        self.rendering.encode().ok()
    }
}

impl<C: Channel> TypedRoute<C> {
    pub(super) fn options(&self, options: Option<&Value>) -> Result<C::Options, ComposeError> {
        match options {
            None => Ok(C::Options::default()),
            Some(options) => serde::Deserialize::deserialize(options).map_err(|error| {
                let problem = without_value(&error);
                ComposeError::new(format!("options for {}: {problem}", self.name))
            }),
        }
    }

    /// Where it goes: to the recipient's address on this channel, of several to the one with this hash.
    pub(super) fn target(
        &self,
        recipient: &Recipient,
        hash: Option<AddressHash>,
    ) -> Result<C::Address, Failure> {
        let none = || {
            let problem = "the recipient has no such address on this channel".to_owned();
            (Unsendable::Unreadable, problem)
        };
        let parse = |address: &str| {
            C::Address::parse(address).map_err(|error| (Unsendable::Address, error.to_string()))
        };
        let Some(named) = recipient.addresses.get(C::NAME) else {
            return parse(&self.channel.address_of(recipient).ok_or_else(none)?);
        };
        if let [only] = named.as_slice() {
            return parse(only);
        }
        let mut all = named.iter().filter_map(|one| C::Address::parse(one).ok());
        all.find(|one| Some(hash_address(&self.name, one)) == hash)
            .ok_or_else(none)
    }

    /// The message: the kept one, or made from the templates.
    pub(super) fn make(
        &self,
        templates: &Templates,
        job: &Job,
    ) -> Result<(C::Address, Made<C::Message>), Failure> {
        let fail = |why, error: &dyn fmt::Display| (why, error.to_string());
        let recipient = job
            .recipient()
            .ok_or_else(|| fail(Unsendable::Erased, &"its recipient was erased"))?;
        let to = self.target(recipient, job.address)?;
        if let Some(made) = self.kept(job) {
            return Ok((to, made));
        }
        if job.content.secret && job.secret.is_none() {
            return Err(fail(Unsendable::SecretGone, &SECRET_GONE));
        }
        let view = View {
            event: &job.event,
            content: &job.content,
            recipient,
            address: job.address,
            secret: job.secret.as_ref(),
        };
        let options = self.options(job.content.options.get(C::NAME));
        let known = options.as_ref().ok().map(|options| (&to, options));
        let rendered = crate::trace::span!("render")
            .in_scope(|| self.render_to(templates, &view, known))
            .map_err(|error| fail(Unsendable::Render, &Chain(&error)))?;
        let options = options.map_err(|error| fail(Unsendable::Compose, &error))?;
        let message = self
            .channel
            .compose(Compose {
                delivery: job.id,
                tenant: &job.event.tenant,
                accepted_at: job.event.accepted_at,
                to: &to,
                recipient,
                locale: &rendered.locale,
                topic: &job.event.topic,
                category: job.content.category.as_deref(),
                data: &job.content.data,
                parts: &rendered.parts,
                options: &options,
                attachments: &job.files,
            })
            .map_err(|error| fail(Unsendable::Compose, &error))?;
        let rendering = Rendering {
            v: C::MESSAGE_VERSION,
            locale: rendered.locale,
            doubt: None,
            message,
        };
        let kept = false;
        Ok((to, Made { rendering, kept }))
    }

    /// The message of an earlier try, unless it is of another version.
    fn kept(&self, job: &Job) -> Option<Made<C::Message>> {
        let blob = job.rendering.as_deref()?;
        let mut rendering = Rendering::<C::Message>::decode(blob, C::MESSAGE_VERSION)?;
        self.channel.attach(&mut rendering.message, &job.files);
        let kept = true;
        Some(Made { rendering, kept })
    }
}
