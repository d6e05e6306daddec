use super::*;
use crate::{
    channel::{Email, Sms},
    name::ProviderName,
    provider::Console,
};

fn builder() -> Builder {
    Signalbus::builder()
        .in_memory()
        .channel(Sms::new(), Console::stdout())
}

/// What the builder says.
fn refused(builder: Builder) -> String {
    match builder.build() {
        Ok(_) => "nothing is wrong".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_fits_together_is_built() {
    let policy = Policy::new().on::<Sms>("auth.*").on::<Sms>("*");
    builder().policy(policy).build().unwrap();
}

#[test]
fn a_store_is_needed() {
    let without = Signalbus::builder().channel(Sms::new(), Console::stdout());
    assert!(refused(without).contains("Builder::store"));
}

#[test]
fn a_channel_is_set_up_once() {
    let twice = builder().channel(Sms::new(), Console::stdout());
    assert_eq!(refused(twice), "channel sms is set up twice");
}

#[test]
fn the_providers_of_a_channel_have_names_of_their_own() {
    let setup = || ChannelSetup::new(Sms::new(), Console::stdout());
    let builder = || Signalbus::builder().in_memory();
    let said = refused(builder().channel_setup(setup().failover(Console::stdout())));
    assert_eq!(
        said,
        "channel sms has two providers named console: give each its own name"
    );
    let spare = Console::stdout().with_name(ProviderName::new("spare").unwrap());
    builder()
        .channel_setup(setup().failover(spare))
        .build()
        .unwrap();
}

#[test]
fn a_rule_names_channels_that_are_set_up() {
    let said = refused(builder().policy(Policy::new().on::<Email>("user.*")));
    assert_eq!(
        said,
        "the policy sends \"user.*\" to channel email, which is not set up"
    );
}

#[test]
fn a_rule_is_a_pattern() {
    for pattern in ["", "user.*.x", "*.paid", "us*"] {
        let said = refused(builder().policy(Policy::new().on::<Sms>(pattern)));
        assert!(
            said.starts_with("the policy's pattern"),
            "{pattern:?}: {said}"
        );
    }
}

#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
fn with_templates(files: &[(&str, &str)], policy: Policy) -> Builder {
    let email = Email::from("hello@acme.test").unwrap();
    builder()
        .channel(email, Console::stdout())
        .templates(Templates::embedded(files).unwrap())
        .policy(policy)
}

#[test]
fn what_every_message_would_die_of_is_found_when_it_is_built() {
    let mails = || Policy::new().on::<Email>("paid");
    let body = ("paid/en/body.txt", "Thank you");
    // No template, one for another topic, a part that is misspelt, and one that is missing.
    for (files, says) in [
        (vec![], "paid"),
        (
            vec![("other/en/subject.txt", "x"), ("other/en/body.txt", "x")],
            "paid",
        ),
        (vec![("paid/en/subject.text", "Paid"), body], "subject.txt"),
        (vec![("paid/en/subject.txt", "Paid")], "paid"),
        (
            vec![
                ("paid/de/subject.txt", "Bezahlt"),
                ("paid/de/body.txt", "x"),
            ],
            "paid",
        ),
    ] {
        let said = refused(with_templates(&files, mails()));
        assert!(
            said.starts_with("the policy sends \"paid\" to channel email, but "),
            "{said}"
        );
        assert!(said.contains(says), "{said}");
    }
    let whole = [("paid/en/subject.txt", "Paid"), body];
    with_templates(&whole, mails()).build().unwrap();
}

#[test]
fn a_template_that_a_rule_names_has_to_be_there_and_one_below_a_prefix_whole() {
    let named = Policy::new().on::<Sms>("code.*").template("code.*", "any");
    assert!(refused(with_templates(&[], named.clone())).contains("any"));
    with_templates(&[("any/en/sms.txt", "x")], named)
        .build()
        .unwrap();

    let below = || Policy::new().on::<Email>("order.*").on::<Sms>("order.*");
    let half = [("order.placed/en/body.txt", "x")];
    assert!(refused(with_templates(&half, below())).contains("subject.txt"));
    // It is for texts alone, as whoever hears of it has no mail address.
    with_templates(&[("order.placed/en/sms.txt", "x")], below())
        .build()
        .unwrap();
}

#[test]
fn templates_may_come_later_or_be_those_of_another_process() {
    let mails = || Policy::new().on::<Email>("paid");
    with_templates(&[], mails())
        .templates_later()
        .build()
        .unwrap();
    let email = Email::from("hello@acme.test").unwrap();
    builder()
        .known_channel(email)
        .policy(mails())
        .build()
        .unwrap();
}
