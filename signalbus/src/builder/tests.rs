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
