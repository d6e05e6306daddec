use std::collections::BTreeMap;

use signalbus_core::provider::Intent;

/// Words by which people stop and start messages. A message counts when it is one of them and nothing
/// else, in any case, with or without punctuation around it.
///
/// The English words are those that Twilio itself acts upon ("Advanced Opt-Out", 2026): on a stop word it
/// blocks the sender for this person, whatever we do. The other languages are what carriers and providers
/// commonly take; Twilio acts upon them only where a messaging service is set up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keywords(BTreeMap<String, Intent>);

const STOP: &[&str] = &[
    "stop",
    "stopall",
    "unsubscribe",
    "cancel",
    "end",
    "quit",
    "revoke",
    "optout",
    "opt-out",
    // French, German, Dutch and Scandinavian, Spanish, Portuguese, Italian, Polish
    "arret",
    "arrêt",
    "stopp",
    "abmelden",
    "afmelden",
    "avslutt",
    "avsluta",
    "alto",
    "baja",
    "parar",
    "pare",
    "sair",
    "cancelar",
    "annulla",
    "rezygnuj",
];

const START: &[&str] = &[
    "start",
    "yes",
    "unstop",
    "démarrer",
    "anmelden",
    "aanmelden",
    "iniciar",
    "alta",
];

const HELP: &[&str] = &[
    "help", "info", "aide", "hilfe", "hulp", "hjelp", "hjälp", "ayuda", "ajuda", "aiuto", "pomoc",
];

impl Default for Keywords {
    fn default() -> Self {
        Self(BTreeMap::new())
            .words(Intent::Stop, STOP)
            .words(Intent::Start, START)
            .words(Intent::Help, HELP)
    }
}

impl Keywords {
    /// No words at all.
    #[must_use]
    pub fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds words; one that was there changes its meaning.
    #[must_use]
    pub fn words(mut self, intent: Intent, words: &[&str]) -> Self {
        for word in words {
            self.0.insert(normal(word), intent);
        }
        self
    }

    /// What a message wants.
    #[must_use]
    pub fn intent(&self, text: &str) -> Intent {
        // Longer ones are no word.
        if text.len() > 200 {
            return Intent::Other;
        }
        self.0.get(&normal(text)).copied().unwrap_or(Intent::Other)
    }
}

fn normal(text: &str) -> String {
    text.trim_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let keywords = Keywords::default();
        for (text, intent) in [
            ("STOP", Intent::Stop),
            (" stop.\n", Intent::Stop),
            ("\"Stop!\"", Intent::Stop),
            ("Opt-Out", Intent::Stop),
            ("ARRÊT", Intent::Stop),
            ("Stopp", Intent::Stop),
            ("BAJA", Intent::Stop),
            ("Start", Intent::Start),
            ("yes", Intent::Start),
            ("HELP", Intent::Help),
            ("hilfe?", Intent::Help),
            ("please stop", Intent::Other),
            ("stop by at five", Intent::Other),
            ("stopping", Intent::Other),
            ("", Intent::Other),
            ("?!", Intent::Other),
            (&"stop ".repeat(100), Intent::Other),
        ] {
            assert_eq!(keywords.intent(text), intent, "{text}");
        }
    }

    #[test]
    fn words_can_be_added_and_changed() {
        let keywords = Keywords::default()
            .words(Intent::Stop, &["Halt"])
            .words(Intent::Other, &["yes"]);
        assert_eq!(keywords.intent("HALT"), Intent::Stop);
        assert_eq!(keywords.intent("yes"), Intent::Other);
        assert_eq!(Keywords::none().intent("stop"), Intent::Other);
    }
}
