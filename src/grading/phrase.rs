//! The sentences of the library with the keys their translations go by.

use super::{assessment, decision, doubt, edema, follow_up, patient};
use crate::photo::PhotoError;
use crate::quality::Reason;

/// A sentence that never varies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phrase {
    /// Stable, kebab-case.
    pub code: &'static str,
    pub text: &'static str,
}

impl Phrase {
    pub(super) const fn new(code: &'static str, text: &'static str) -> Self {
        Self { code, text }
    }
}

/// The code of everything that may be said about a photo or a patient. A page in
/// another language has words for each; a test of the page holds it to that.
pub fn codes() -> Vec<&'static str> {
    let fixed = assessment::SAID
        .iter()
        .chain(&decision::SAID)
        .chain(&doubt::SAID)
        .chain(&edema::SAID)
        .chain(&follow_up::SAID)
        .chain(&patient::SAID)
        .map(|phrase| phrase.code);
    // Too small is too small, whether decoding finds it or the gate.
    let gate = Reason::ALL
        .map(Reason::code)
        .into_iter()
        .filter(|code| !PhotoError::CODES.contains(code));
    fixed
        .chain(doubt::DOUBTS)
        .chain(PhotoError::CODES)
        .chain(gate)
        .chain([assessment::NETWORK_FAILED])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::codes;

    #[test]
    fn no_two_sentences_share_a_code() {
        let mut all = codes();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
