//! Finds the known word that is nearest to a misspelt one.

/// No word of ours is longer. The time of a comparison grows with the length of both words.
const LONGEST: usize = 100;

/// The most similar known word, if one is similar enough.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .filter(|_| word.len() <= LONGEST)
        .map(|known| (strsim::jaro_winkler(word, known), known))
        .filter(|(similarity, _)| *similarity > 0.75)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, known)| known)
}

/// The only known word that differs by one typo. Two candidates give no answer, because short words are often similar.
pub fn one_slip_away<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let is_near = |known: &&str| word.len() <= LONGEST && strsim::osa_distance(word, known) == 1;
    let mut near = known.into_iter().filter(is_near);
    near.next().filter(|_| near.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_word_that_is_near_to_several_is_near_to_none() {
        let known = ["acr", "gar", "ghcr", "gitlab"];
        assert_eq!(one_slip_away("ghrc", known), Some("ghcr"));
        for word in ["gcr", "github", "x"] {
            assert_eq!(one_slip_away(word, known), None, "{word}");
        }
    }
}
