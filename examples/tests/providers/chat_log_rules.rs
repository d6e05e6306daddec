use signalbus::channel::Address;
use signalbus_testkit::provider_suite::{Subject, run};

use crate::{
    chat::{Chat, Handle},
    chat_log::ChatLog,
};

fn subject(log: ChatLog) -> Subject<Chat> {
    Subject::new(Chat, log)
        .to("#Releases")
        .part("chat.txt", "billing 2.4.1 is live")
}

signalbus_testkit::provider_suite! {
    reports_start: false,
    recognises_repeats: false,
    looks_up: false,
    open: async || subject(ChatLog::default()),
}

#[test]
fn what_is_said_is_kept() {
    let log = ChatLog::default();
    run(
        async || subject(log.clone()),
        async |subject| {
            subject.send_sample().await;
        },
    );
    assert_eq!(log.lines(), ["#releases: billing 2.4.1 is live"]);
}

#[test]
fn handles() {
    for (text, handle) in [("#Dev", Some("#dev")), ("@Ada", Some("@ada"))]
        .into_iter()
        .chain(["", "#", "ada", " #dev"].map(|text| (text, None)))
    {
        let parsed = Handle::parse(text).ok();
        assert_eq!(parsed.as_ref().map(Address::as_str), handle, "{text}");
    }
}
