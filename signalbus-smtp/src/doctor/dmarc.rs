//! RFC 7489. Where the record is found by walking up the tree, as the successor of the RFC does,
//! rather than by a list of public suffixes.

use super::{Level, Report, ResolveError, Resolver, Topic, dkim::tags};

/// Looks at the policy of `from` and whether envelope (when SPF passes) or signatures (those that
/// hold) are aligned with it.
pub(super) async fn look(
    dns: &dyn Resolver,
    from: &str,
    envelope: Option<&str>,
    signing: &[&str],
    report: &mut Report,
) {
    let policy = match find(dns, from).await {
        Err(ResolveError) => {
            let text = format!("the policy of {from} could not be looked up");
            return report.add(Level::Warning, Topic::Dmarc, text);
        }
        Ok(None) => {
            let text = format!(
                "{from} has no policy; publish `v=DMARC1; p=none; rua=mailto:…` at _dmarc.{from}"
            );
            report.add(Level::Problem, Topic::Dmarc, text);
            None
        }
        Ok(Some(policy)) => {
            policy.judge(report);
            Some(policy)
        }
    };
    let strict = |tag| {
        let policy = policy.as_ref();
        policy.is_some_and(|policy| policy.tag(tag).as_deref() == Some("s"))
    };
    let organisation = policy
        .as_ref()
        .map_or(from, |policy| policy.domain.as_str());
    let aligned = |domain: &str, strict: bool| {
        domain == from || !strict && (below(domain, organisation) || below(from, domain))
    };
    let by_spf = envelope.is_some_and(|domain| aligned(domain, strict("aspf")));
    let by_dkim = signing
        .iter()
        .any(|domain| aligned(domain, strict("adkim")));
    let (level, text) = match (by_spf, by_dkim) {
        (true, true) => (
            Level::Good,
            "envelope and signature are of the domain of From",
        ),
        (false, true) => (
            Level::Warning,
            "only the signature is of the domain of From; bounces should go there too",
        ),
        (true, false) => (
            Level::Warning,
            "only the envelope is of the domain of From: mails that are forwarded fail DMARC",
        ),
        (false, false) => (
            Level::Problem,
            "neither envelope nor signature passes for the domain of From: mails fail DMARC",
        ),
    };
    report.add(level, Topic::Alignment, text);
}

struct Policy {
    domain: String,
    tags: Vec<(String, String)>,
}

/// The record of the domain, or of the nearest one above it.
async fn find(dns: &dyn Resolver, from: &str) -> Result<Option<Policy>, ResolveError> {
    let mut domain = from;
    loop {
        let records = dns.txt(&format!("_dmarc.{domain}")).await?;
        let mut policies = records
            .iter()
            .map(|record| tags(record))
            .filter(|tags| matches!(tags.first(), Some((v, one)) if v == "v" && one == "DMARC1"));
        if let (Some(tags), None) = (policies.next(), policies.next()) {
            let domain = domain.to_owned();
            return Ok(Some(Policy { domain, tags }));
        }
        match domain.split_once('.') {
            // A top-level domain has no mail of its own.
            Some((_, above)) if above.contains('.') => domain = above,
            _ => return Ok(None),
        }
    }
}

impl Policy {
    fn tag(&self, name: &str) -> Option<String> {
        let found = self.tags.iter().find(|(tag, _)| tag == name);
        found.map(|(_, value)| value.to_ascii_lowercase())
    }

    fn judge(&self, report: &mut Report) {
        let domain = &self.domain;
        let (level, text) = match self.tag("p").as_deref() {
            Some("none") => (
                Level::Good,
                format!("{domain} has `p=none`: enough for bulk mail, no protection from forgery"),
            ),
            Some("quarantine" | "reject") => (
                Level::Good,
                format!("{domain} protects itself from forgery"),
            ),
            _ => (
                Level::Problem,
                format!("the policy of {domain} has no `p` that counts"),
            ),
        };
        report.add(level, Topic::Dmarc, text);
        if self.tag("rua").is_none() {
            let text = format!("{domain} asks for no reports (`rua`): failures go unseen");
            report.add(Level::Warning, Topic::Dmarc, text);
        }
    }
}

/// Whether a domain is the other, or lies in it.
fn below(domain: &str, above: &str) -> bool {
    domain
        .strip_suffix(above)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
