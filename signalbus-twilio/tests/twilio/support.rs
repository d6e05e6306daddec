use std::sync::Arc;

use signalbus::{
    Clock, DeliveryId, EventId, TenantId, Timestamp,
    channel::{
        Address, Channel, Compose, Parts, Sms,
        sms::{PhoneNumber, SmsMessage, SmsOptions},
    },
    provider::{Delivery, Found, Latch, Provider, Question, SendError, Sent},
};
use signalbus_http_client::HttpConfig;
use signalbus_testkit::{ManualClock, fakes::twilio::FakeTwilio};
use signalbus_twilio::{Auth, Pool, Pools, Sender, Twilio, TwilioConfig};

pub(crate) const FROM: &str = "+15005550006";
pub(crate) const CALLBACK: &str = "https://notify.acme.test/receipts/twilio/k3y?v=1";

/// A fake, a provider that sends through it, and the time of both.
pub(crate) struct Stage {
    pub(crate) fake: FakeTwilio,
    pub(crate) provider: Twilio,
    pub(crate) clock: ManualClock,
    pub(crate) tenant: TenantId,
}

/// A delivery with all it borrows.
pub(crate) struct Parcel {
    pub(crate) id: DeliveryId,
    pub(crate) generation: u32,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) message: SmsMessage,
    pub(crate) latch: Latch,
    pub(crate) to: PhoneNumber,
}

pub(crate) fn pool(senders: &[&str]) -> Pool {
    Pool::new(senders.iter().map(|sender| Sender::new(sender).unwrap()))
}

pub(crate) fn token() -> Auth {
    Auth::Token(FakeTwilio::TOKEN.into())
}

pub(crate) async fn stage(configure: impl FnOnce(TwilioConfig) -> TwilioConfig) -> Stage {
    stage_with(token(), Pools::new().pool(pool(&[FROM])), configure).await
}

pub(crate) async fn stage_with(
    auth: Auth,
    pools: Pools,
    configure: impl FnOnce(TwilioConfig) -> TwilioConfig,
) -> Stage {
    let clock = ManualClock::default();
    let fake = FakeTwilio::start_with(Arc::new(clock.clone())).await;
    let config = TwilioConfig::new(FakeTwilio::ACCOUNT, auth, pools)
        .and_then(|config| config.base_url(&fake.url()))
        .and_then(|config| config.oauth_url(&fake.url()))
        .and_then(|config| config.status_callback(CALLBACK))
        .unwrap()
        .http(HttpConfig::default().clock(Arc::new(clock.clone())));
    Stage {
        provider: Twilio::new(configure(config)).unwrap(),
        fake,
        clock,
        tenant: TenantId::new("acme").unwrap(),
    }
}

impl Stage {
    pub(crate) async fn send(&self, parcel: &Parcel) -> Result<Sent, SendError> {
        self.provider.send(parcel.delivery(&self.tenant)).await
    }

    /// Asks for a parcel that was tried now.
    pub(crate) async fn find(&self, parcel: &Parcel) -> Result<Found, SendError> {
        let now = self.clock.now();
        let lookup = self.provider.lookup().unwrap();
        lookup
            .find(&parcel.question(&self.tenant, (now, now)))
            .await
    }

    /// Another process, which knows nothing of the first.
    pub(crate) fn restart(&mut self, pools: Pools) {
        let config = TwilioConfig::new(FakeTwilio::ACCOUNT, token(), pools)
            .and_then(|config| config.base_url(&self.fake.url()))
            .unwrap()
            .http(HttpConfig::default().clock(Arc::new(self.clock.clone())));
        self.provider = Twilio::new(config).unwrap();
    }
}

impl Parcel {
    /// The simplest text.
    pub(crate) fn new() -> Self {
        Self::number(
            1,
            "+447700900123",
            "Your code is 117203",
            &SmsOptions::new(),
        )
    }

    pub(crate) fn number(number: u128, to: &str, text: &str, options: &SmsOptions) -> Self {
        let id: DeliveryId = uuid(number).parse().unwrap();
        let to = PhoneNumber::parse(to).unwrap();
        let parts: Parts = [("sms.txt", text.to_owned())].into_iter().collect();
        let message = Sms::new()
            .compose(Compose {
                delivery: id,
                tenant: &TenantId::default(),
                accepted_at: Timestamp::constant(1_893_456_000, 0),
                to: &to,
                recipient: &signalbus::Recipient::new(),
                locale: "en",
                topic: &signalbus::Topic::new("a").unwrap(),
                category: None,
                data: &serde_json::Value::Null,
                parts: &parts,
                options,
                attachments: &[],
            })
            .unwrap();
        Self {
            id,
            generation: 0,
            expires_at: None,
            message,
            latch: Latch::default(),
            to,
        }
    }

    pub(crate) fn delivery<'a>(&'a self, tenant: &'a TenantId) -> Delivery<'a, Sms> {
        let event: EventId = uuid(0).parse().unwrap();
        let (to, message) = (&self.to, &self.message);
        let mut delivery = Delivery::new(self.id, event, tenant, to, message, &self.latch);
        delivery.generation = self.generation;
        delivery.expires_at = self.expires_at;
        delivery
    }

    pub(crate) fn question<'a>(
        &'a self,
        tenant: &'a TenantId,
        times: (Timestamp, Timestamp),
    ) -> Question<'a, Sms> {
        let mut question = Question::new(self.id, tenant, &self.to, &self.message, times);
        question.generation = self.generation;
        question
    }
}

pub(crate) fn uuid(number: u128) -> String {
    format!("01998c5e-0000-7000-8000-{number:012x}")
}
