//! RFC 7208.

use std::net::IpAddr;

use super::{Level, Report, Resolver, Topic};

/// Records that may be looked up for one check (section 4.6.4).
const LOOKUPS: usize = 10;

/// Looks at the record of `domain`; whether mail from all `hosts` passes, as far as can be told.
pub(super) async fn look(
    dns: &dyn Resolver,
    domain: &str,
    hosts: &[IpAddr],
    report: &mut Report,
) -> bool {
    let mut reading = Reading {
        dns,
        lookups: 0,
        networks: Vec::new(),
        unread: false,
        all: None,
    };
    let read = reading.read(domain).await;
    let mut say = |level, text: String| report.add(level, Topic::Spf, text);
    match read {
        Err(Fault::Unreachable) => {
            say(
                Level::Warning,
                format!("the record of {domain} could not be looked up"),
            );
            return false;
        }
        Err(Fault::None) => {
            say(
                Level::Problem,
                format!("{domain} has no record; publish `v=spf1 … -all` with your relay in it"),
            );
            return false;
        }
        Err(Fault::Several) => {
            say(
                Level::Problem,
                format!("{domain} has several records; receivers take none (section 4.5)"),
            );
            return false;
        }
        Err(Fault::Term(term)) => {
            say(
                Level::Problem,
                format!("the record of {domain} has `{term}`, which is no term"),
            );
            return false;
        }
        Err(Fault::Broken(name)) => {
            say(
                Level::Problem,
                format!("the record of {domain} includes {name}, which has none (section 5.2)"),
            );
            return false;
        }
        Ok(()) => {}
    }
    let mut good = true;
    if reading.lookups > LOOKUPS {
        say(
            Level::Problem,
            format!(
                "the record of {domain} takes {} lookups; receivers stop after {LOOKUPS}",
                reading.lookups
            ),
        );
        good = false;
    }
    match reading.all {
        Some('+') => {
            say(
                Level::Problem,
                format!("{domain} lets everybody send (`+all`)"),
            );
            good = false;
        }
        Some('-' | '~') => {}
        _ => say(
            Level::Warning,
            format!("the record of {domain} does not end with `-all` or `~all`"),
        ),
    }
    for host in hosts {
        if reading
            .networks
            .iter()
            .any(|network| network.contains(*host))
        {
            continue;
        }
        if reading.unread {
            say(
                Level::Warning,
                format!("whether {host} may send for {domain} depends on `a`, `mx` or the like"),
            );
        } else {
            say(
                Level::Problem,
                format!("{host} may not send for {domain}; add it"),
            );
            good = false;
        }
    }
    if good {
        say(Level::Good, format!("{domain} says who may send for it"));
    }
    good
}

enum Fault {
    Unreachable,
    None,
    Several,
    Term(String),
    Broken(String),
}

struct Reading<'a> {
    dns: &'a dyn Resolver,
    lookups: usize,
    networks: Vec<Network>,
    /// There are mechanisms that need more than TXT records.
    unread: bool,
    all: Option<char>,
}

impl Reading<'_> {
    /// Reads a record and those it includes; `redirect` is followed last (section 6.1).
    async fn read(&mut self, domain: &str) -> Result<(), Fault> {
        // Each with whether it is included: its `all` is not ours.
        let mut left = vec![(domain.to_owned(), false, false)];
        while let Some((name, included, named)) = left.pop() {
            let record = match self.record(&name).await {
                Err(Fault::None) if named => return Err(Fault::Broken(name)),
                record => record?,
            };
            for term in record.split_ascii_whitespace().skip(1) {
                self.term(term, included, &mut left)?;
            }
            if self.lookups > LOOKUPS {
                break;
            }
        }
        Ok(())
    }

    async fn record(&self, name: &str) -> Result<String, Fault> {
        let records = self.dns.txt(name).await.map_err(|_| Fault::Unreachable)?;
        let mut spf = records.into_iter().filter(|record| {
            let version = record.split(' ').next().unwrap_or_default();
            version.eq_ignore_ascii_case("v=spf1")
        });
        let record = spf.next().ok_or(Fault::None)?;
        spf.next().map_or(Ok(record), |_| Err(Fault::Several))
    }

    fn term(
        &mut self,
        term: &str,
        included: bool,
        left: &mut Vec<(String, bool, bool)>,
    ) -> Result<(), Fault> {
        let (qualifier, mechanism) = match term.split_at_checked(1) {
            Some((sign @ ("+" | "-" | "~" | "?"), rest)) => (sign, rest),
            _ => ("+", term),
        };
        let lower = mechanism.to_ascii_lowercase();
        let (name, value) = match lower.split_once([':', '/', '=']) {
            Some((name, _)) => (name, mechanism.get(name.len() + 1..).unwrap_or_default()),
            None => (lower.as_str(), ""),
        };
        match name {
            "all" if !included => self.all = self.all.or(qualifier.chars().next()),
            "all" | "exp" => {}
            "ip4" | "ip6" => {
                let network = Network::parse(value).ok_or(Fault::Term(term.to_owned()))?;
                if qualifier == "+" {
                    self.networks.push(network);
                }
            }
            "include" | "redirect" => {
                self.lookups += 1;
                if value.contains('%') {
                    self.unread = true;
                } else {
                    left.insert(0, (value.to_owned(), name == "include" || included, true));
                }
            }
            "a" | "mx" | "ptr" | "exists" => {
                self.lookups += 1;
                self.unread = true;
            }
            // Modifiers that nobody knows are passed over (section 6).
            _ if mechanism.contains('=') => {}
            _ => return Err(Fault::Term(term.to_owned())),
        }
        Ok(())
    }
}

struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Self { address, bits })
    }

    fn contains(&self, host: IpAddr) -> bool {
        match (self.address, host) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let differs = u32::from(a) ^ u32::from(b);
                differs.leading_zeros() >= self.bits
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let differs = u128::from(a) ^ u128::from(b);
                differs.leading_zeros() >= self.bits
            }
            _ => false,
        }
    }
}
