//! mail-auth, with the DNS in memory.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Instant,
};

use mail_auth::{
    AuthenticatedMessage, DkimResult, MX, MessageAuthenticator, Parameters, RecordSet,
    ResolverCache, Txt,
    common::{cache::NoCache, parse::TxtRecordParser, verify::DomainKey},
};

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    Fail,
}

struct Records(HashMap<Box<str>, Txt>);

impl ResolverCache<Box<str>, Txt> for Records {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.get(name).cloned()
    }

    fn remove<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: Instant) {}
}

/// What is said of each signature, in their order.
pub(crate) async fn verify(mail: &[u8], records: &[(String, String)]) -> Vec<Verdict> {
    let records = records.iter().map(|(name, value)| {
        let key = DomainKey::parse(value.as_bytes()).unwrap();
        (format!("{name}.").into(), Txt::DomainKey(Arc::new(key)))
    });
    let records = Records(records.collect());
    let message = AuthenticatedMessage::parse(mail).unwrap();
    let parameters = Parameters {
        params: &message,
        cache_txt: Some(&records),
        cache_mx: None::<&NoCache<Box<str>, RecordSet<MX>>>,
        cache_ptr: None::<&NoCache<IpAddr, RecordSet<Box<str>>>>,
        cache_ipv4: None::<&NoCache<Box<str>, RecordSet<Ipv4Addr>>>,
        cache_ipv6: None::<&NoCache<Box<str>, RecordSet<Ipv6Addr>>>,
    };
    let verifier = MessageAuthenticator::new_google().unwrap();
    let outputs = verifier.verify_dkim(parameters).await;
    assert!(!outputs.is_empty(), "no signature");
    outputs
        .iter()
        .map(|output| match output.result() {
            DkimResult::Pass => Verdict::Pass,
            DkimResult::Neutral(_) | DkimResult::Fail(_) => Verdict::Fail,
            other => panic!("{other:?}"),
        })
        .collect()
}
