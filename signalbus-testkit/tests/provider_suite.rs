//! The suite passes for providers that keep the rules, and fails for each rule that is broken.

use std::{sync::Arc, time::Duration};

use signalbus::{
    SystemClock,
    channel::{Sms, sms::SmsOptions},
    provider::{Capabilities, Fault},
};
use signalbus_testkit::{
    provider::{Play, ScriptedProvider},
    provider_suite::Subject,
};

fn provider() -> ScriptedProvider<Sms> {
    ScriptedProvider::new(Arc::new(SystemClock::new()))
}

fn subject(provider: ScriptedProvider<Sms>) -> Subject<Sms> {
    Subject::new(Sms::new(), provider)
        .to("+44 7700 900123")
        .part("sms.txt", "Your parcel is at the door")
        .options(SmsOptions::new().with_sender("ACME"))
        .secret("p4ssw0rd")
}

async fn unreachable() -> Subject<Sms> {
    let provider = provider();
    provider.default(Play::cut_before_start());
    subject(provider)
}

mod plain {
    use super::*;

    signalbus_testkit::provider_suite! {
        reports_start: true,
        recognises_repeats: false,
        looks_up: false,
        open: async || subject(provider()),
        unreachable: unreachable,
        connects_first: true,
    }
}

/// As an HTTP client does that connects and writes in one call.
mod starts_early {
    use super::*;

    signalbus_testkit::provider_suite! {
        reports_start: true,
        recognises_repeats: false,
        looks_up: false,
        open: async || subject(provider()),
        unreachable: async || {
            let provider = provider();
            provider.default(Play::retryable(Fault::Provider));
            subject(provider)
        },
    }
}

mod able {
    use super::*;

    signalbus_testkit::provider_suite! {
        reports_start: true,
        recognises_repeats: true,
        looks_up: true,
        open: async || {
            let window = Duration::from_secs(3600);
            let capabilities = Capabilities::default().reporting_start().with_dedup_window(window);
            subject(provider().with_capabilities(capabilities).with_lookup())
        },
    }
}

mod slow {
    use super::*;

    signalbus_testkit::provider_suite! {
        reports_start: false,
        recognises_repeats: false,
        looks_up: false,
        open: async || {
            let provider = provider().with_capabilities(Capabilities::default());
            provider.default(Play::accept().after(Duration::from_millis(1)).unreported());
            subject(provider)
        },
    }
}

/// Each case fails for a provider made for it.
mod broken {
    use std::{
        fmt,
        sync::atomic::{AtomicU64, Ordering::Relaxed},
    };

    use async_trait::async_trait;
    use signalbus::{
        Provider,
        channel::Address,
        provider::{Delivery, Found, Lookup, Question, Rate, SendError, Sent},
    };
    use signalbus_testkit::provider_suite::{calls, content, list, outage, run, sheet, start};

    use super::*;

    /// Which rule is broken.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Rule {
        Name,
        NameChanges,
        Concurrency,
        Timeout,
        Rate,
        Window,
        Debug,
        NotTaken,
        RefusesRepeats,
        RefusesRedrives,
        SameIds,
        OneAtATime,
        DropHarms,
        PanicsOnNames,
        RetriesContent,
        ErrorShowsContent,
        NoStart,
        NoRecognition,
        RecognisesAll,
        FindsNothing,
        FindsAll,
        OutagePermanent,
        OutageUnknown,
        OutageStarts,
        OutageShowsAddress,
    }

    /// Keeps all rules but one.
    struct Broken {
        rule: Rule,
        calls: AtomicU64,
        running: AtomicU64,
    }

    impl fmt::Debug for Broken {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let shown = if self.rule == Rule::Debug {
                "p4ssw0rd"
            } else {
                "…"
            };
            write!(f, "Broken({shown})")
        }
    }

    impl Broken {
        fn outage(&self, delivery: &Delivery<'_, Sms>) -> Option<SendError> {
            let error = match self.rule {
                Rule::OutagePermanent => SendError::permanent(Fault::Message, "no"),
                Rule::OutageUnknown => SendError::unknown("no"),
                Rule::OutageStarts => {
                    delivery.request_started();
                    SendError::retryable(Fault::Provider, "no")
                }
                Rule::OutageShowsAddress => {
                    let source = std::io::Error::other(delivery.to.as_str());
                    SendError::retryable(Fault::Provider, "no").with_source(source)
                }
                _ => return None,
            };
            Some(error)
        }
    }

    #[async_trait]
    impl Provider<Sms> for Broken {
        fn name(&self) -> &str {
            match self.rule {
                Rule::Name => "not a name",
                Rule::NameChanges if self.calls.load(Relaxed) > 0 => "other",
                _ => "broken",
            }
        }

        fn capabilities(&self) -> Capabilities {
            let mut said = Capabilities::default().reporting_start();
            match self.rule {
                Rule::Concurrency => said.concurrency = 0,
                Rule::Timeout => said.timeout = Duration::ZERO,
                Rule::Rate => {
                    let interval = Duration::ZERO;
                    said.rate = Some(Rate { interval, burst: 1 });
                }
                Rule::Window => said.dedup_window = Some(Duration::ZERO),
                _ => {}
            }
            said
        }

        async fn send(&self, delivery: Delivery<'_, Sms>) -> Result<Sent, SendError> {
            let call = self.calls.fetch_add(1, Relaxed) + 1;
            if let Some(error) = self.outage(&delivery) {
                return Err(error);
            }
            let text = &delivery.message.text;
            match self.rule {
                Rule::NotTaken => return Err(SendError::permanent(Fault::Message, "no")),
                Rule::RefusesRepeats if delivery.attempt > 1 => {
                    return Err(SendError::permanent(Fault::Message, "no"));
                }
                Rule::RefusesRedrives if delivery.generation > 0 => {
                    return Err(SendError::permanent(Fault::Message, "no"));
                }
                Rule::PanicsOnNames => assert!(!text.contains('\n'), "a line break"),
                Rule::RetriesContent if text.contains('\n') => {
                    return Err(SendError::retryable(Fault::Provider, "no"));
                }
                Rule::ErrorShowsContent if text.contains('\n') => {
                    return Err(SendError::permanent(Fault::Message, text.clone()));
                }
                Rule::NoStart => {}
                _ => delivery.request_started(),
            }
            assert!(
                self.running.fetch_add(1, Relaxed) == 0
                    || !matches!(self.rule, Rule::OneAtATime | Rule::DropHarms),
                "another call runs, or was dropped"
            );
            tokio::task::yield_now().await;
            self.running.fetch_sub(1, Relaxed);
            Ok(match self.rule {
                Rule::SameIds | Rule::RecognisesAll => Sent::with_id("same"),
                _ => Sent::with_id(call.to_string()),
            })
        }

        fn lookup(&self) -> Option<&dyn Lookup<Sms>> {
            matches!(self.rule, Rule::FindsAll | Rule::FindsNothing).then_some(self)
        }
    }

    #[async_trait]
    impl Lookup<Sms> for Broken {
        async fn find(&self, _: &Question<'_, Sms>) -> Result<Found, SendError> {
            Ok(match self.rule {
                Rule::FindsAll => Found::Sent(Sent::with_id("1")),
                _ => Found::NotSent,
            })
        }
    }

    fn open(rule: Rule) -> Subject<Sms> {
        let provider = Broken {
            rule,
            calls: AtomicU64::new(0),
            running: AtomicU64::new(0),
        };
        Subject::new(Sms::new(), provider)
            .to("+44 7700 900123")
            .part("sms.txt", "Your parcel is at the door")
            .secret("p4ssw0rd")
    }

    /// What the case says about a provider that breaks the rule.
    fn complaint(rule: Rule, case: impl AsyncFnOnce(Subject<Sms>)) -> String {
        let case = std::panic::AssertUnwindSafe(|| run(async || open(rule), case));
        let Err(panic) = std::panic::catch_unwind(case) else {
            panic!("the case passed");
        };
        match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
            (Some(said), _) => said.clone(),
            (None, Some(said)) => (*said).to_owned(),
            (None, None) => panic!("a panic without a message"),
        }
    }

    macro_rules! broken {
        ($($test:ident: $rule:ident, $case:path, $complaint:literal;)*) => {
            $(
                #[test]
                fn $test() {
                    let said = complaint(Rule::$rule, $case);
                    assert!(said.contains($complaint), "{said}");
                }
            )*
        };
    }

    broken! {
        a_bad_name: Name, sheet::its_name_is_valid_and_stable, "a name that can be stored";
        a_new_name: NameChanges, sheet::its_name_is_valid_and_stable, "other";
        no_concurrency: Concurrency, sheet::its_capabilities_make_sense, "in flight";
        no_timeout: Timeout, sheet::its_capabilities_make_sense, "no time";
        no_interval: Rate, sheet::its_capabilities_make_sense, "interval";
        no_window: Window, sheet::its_capabilities_make_sense, "window";
        a_secret_in_debug: Debug, sheet::debug_shows_nothing_confidential, "a secret";
        nothing_taken: NotTaken, calls::a_sample_is_taken, "not taken";
        no_repeats: RefusesRepeats, calls::a_delivery_may_come_again, "attempt 2";
        no_redrives: RefusesRedrives, calls::a_delivery_may_come_again, "generation 1";
        one_id: SameIds, calls::calls_run_at_once, "same id";
        one_call: OneAtATime, calls::calls_run_at_once, "another call runs";
        a_drop: DropHarms, calls::a_call_may_be_dropped_anywhere, "was dropped";
        a_panic: PanicsOnNames, content::hostile_content_is_sent_or_refused, "a line break";
        endless: RetriesContent, content::hostile_content_is_sent_or_refused, "tried again";
        a_leak: ErrorShowsContent, content::hostile_content_is_sent_or_refused, "an error shows";
        no_start: NoStart, start::the_start_is_reported, "never started";
        no_recognition: NoRecognition, calls::a_repeat_is_recognised, "answer of its own";
        all_recognised: RecognisesAll, calls::a_repeat_is_recognised, "taken for a repeat";
        nothing_found: FindsNothing, calls::what_was_sent_is_found, "not found";
        all_found: FindsAll, calls::what_was_not_sent_is_not_found, "NotSent";
        gives_up: OutagePermanent, outage::what_cannot_be_reached_is_tried_again, "Permanent";
        unsure: OutageUnknown, outage::what_cannot_be_reached_is_tried_again, "Unknown";
        too_early: OutageStarts, outage::what_cannot_be_reached_is_not_started, "started";
        an_address: OutageShowsAddress, outage::an_error_shows_nothing_confidential, "address";
    }

    #[test]
    #[should_panic(expected = "looks_up: the provider and the sheet differ")]
    fn a_wrong_sheet() {
        run(
            async || open(Rule::FindsAll),
            async |subject| {
                list::compare(&subject, [true, false, false]);
            },
        );
    }
}
