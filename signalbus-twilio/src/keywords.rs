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
    // French
    "arret",
    "arrêt",
    "désabonner",
    "desabonner",
    // German
    "stopp",
    "abmelden",
    // Dutch, Norwegian, Danish, Swedish
    "afmelden",
    "avslutt",
    "avmeld",
    "afmeld",
    "avsluta",
    "avregistrera",
    // Spanish, Portuguese
    "alto",
    "baja",
    "parar",
    "pare",
    "sair",
    "cancelar",
    // Italian, Polish
    "annulla",
    "rezygnuj",
];

const START: &[&str] = &[
    "start",
    "yes",
    "unstop",
    // French, German
    "démarrer",
    "demarrer",
    "anmelden",
    // Dutch, Norwegian and Danish, Swedish
    "aanmelden",
    "tilmeld",
    "påmeld",
    "starta",
    // Spanish and Portuguese, Italian, Polish
    "iniciar",
    "alta",
    "attiva",
    "wznów",
];

const HELP: &[&str] = &[
    "help", "info", "aide", "hilfe", "hulp", "hjelp", "hjælp", "hjälp", "ayuda", "ajuda", "aiuto",
    "pomoc",
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

    /// Each language that has a word to stop has one to start again and one to ask for help.
    #[test]
    fn whoever_can_stop_can_start_again_and_ask() {
        let keywords = Keywords::default();
        for [stop, start, help] in [
            ["Arrêt", "Démarrer", "Aide"],
            ["ARRET", "DEMARRER", "AIDE"],
            ["Abmelden", "Anmelden", "Hilfe"],
            ["Afmelden", "Aanmelden", "Hulp"],
            ["Avmeld", "Påmeld", "Hjelp"],
            ["Afmeld", "Tilmeld", "Hjælp"],
            ["Avregistrera", "Starta", "Hjälp"],
            ["Baja", "Alta", "Ayuda"],
            ["Parar", "Iniciar", "Ajuda"],
            ["Annulla", "Attiva", "Aiuto"],
            ["Rezygnuj", "Wznów", "Pomoc"],
        ] {
            assert_eq!(keywords.intent(stop), Intent::Stop, "{stop}");
            assert_eq!(keywords.intent(start), Intent::Start, "{start}");
            assert_eq!(keywords.intent(help), Intent::Help, "{help}");
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
