//! Sums up the answers of registries about several logins, for the condition `LoginAccepted`.

use std::collections::BTreeSet;

/// The answers of registries about logins; the worse answer is greater.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Accepted {
    /// Every registry takes its login.
    Yes,
    /// Every registry takes its login, but this login ends soon.
    EndsSoon(String),
    /// This registry was not asked, or gave no clear answer.
    Unknown(String),
    /// This registry refuses its login.
    Refused(String),
}

impl Accepted {
    /// The worst answer, with the messages of all answers that are not good.
    pub fn together(answers: impl Iterator<Item = Self>) -> Self {
        let all: BTreeSet<_> = answers.collect();
        let messages: Vec<_> = all.iter().rev().filter_map(Self::message).collect();
        let messages = messages.join("; ");
        match all.last() {
            None => Self::Unknown("it has no login that a registry could be asked about".to_owned()),
            Some(Self::Yes) => Self::Yes,
            Some(Self::EndsSoon(_)) => Self::EndsSoon(messages),
            Some(Self::Unknown(_)) => Self::Unknown(messages),
            Some(Self::Refused(_)) => Self::Refused(messages),
        }
    }

    fn message(&self) -> Option<&str> {
        match self {
            Self::Yes => None,
            Self::EndsSoon(message) | Self::Unknown(message) | Self::Refused(message) => Some(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_answer_counts_and_every_message_stays() {
        let (soon, unknown) = (Accepted::EndsSoon("soon".to_owned()), Accepted::Unknown("unknown".to_owned()));
        let refused = Accepted::Refused("refused".to_owned());
        for (answers, expected) in [
            (vec![Accepted::Yes, Accepted::Yes], Accepted::Yes),
            (vec![soon.clone(), Accepted::Yes], soon.clone()),
            (vec![unknown.clone(), soon.clone()], Accepted::Unknown("unknown; soon".to_owned())),
            (vec![soon, refused, unknown], Accepted::Refused("refused; unknown; soon".to_owned())),
        ] {
            assert_eq!(Accepted::together(answers.into_iter()), expected);
        }
        assert!(matches!(Accepted::together([].into_iter()), Accepted::Unknown(_)));
    }
}
