use std::fmt;

/// What [`doctor()`](crate::doctor()) found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    findings: Vec<Finding>,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What it is about.
    pub topic: Topic,
    /// What it is, and what to do.
    pub text: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Good,
    /// It works, but not as well as it could; or it could not be looked at.
    Warning,
    /// Mails are refused or taken for forged.
    Problem,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Topic {
    /// Which hosts may send for the envelope sender (RFC 7208).
    Spf,
    /// The keys (RFC 6376).
    Dkim,
    /// What receivers do with mail that is neither (RFC 7489).
    Dmarc,
    /// Whether the domains of `From`, envelope and signature belong together.
    Alignment,
}

impl Report {
    /// Everything that was found, in the order it was looked at.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether there is no problem. Warnings do not count.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.level != Level::Problem)
    }

    pub(super) fn add(&mut self, level: Level, topic: Topic, text: impl Into<String>) {
        self.findings.push(Finding {
            level,
            topic,
            text: text.into(),
        });
    }
}

impl fmt::Display for Report {
    /// One line for each finding.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Good => "good",
            Level::Warning => "warning",
            Level::Problem => "problem",
        };
        let topic = match self.topic {
            Topic::Spf => "SPF",
            Topic::Dkim => "DKIM",
            Topic::Dmarc => "DMARC",
            Topic::Alignment => "alignment",
        };
        write!(f, "{level}: {topic}: {}", self.text)
    }
}
