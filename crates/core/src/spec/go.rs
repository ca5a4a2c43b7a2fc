//! Reads durations and globs the way programs in Go do.

/// The nanoseconds in a second.
pub const SECOND: f64 = 1e9;

/// The nanoseconds of a text that Go's `time.ParseDuration` accepts, if it is not negative.
pub fn nanoseconds(text: &str) -> Option<f64> {
    // The largest `i64`: some 292 years.
    const LIMIT: f64 = 9_223_372_036_854_775_807.0;
    // "m" is a prefix of "ms", so the longer one comes first.
    const UNITS: [(&str, f64); 7] = [
        ("ns", 1.0),
        ("us", 1e3),
        ("µs", 1e3),
        ("ms", 1e6),
        ("s", SECOND),
        ("m", 60.0 * SECOND),
        ("h", 3600.0 * SECOND),
    ];
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" {
        return Some(0.0);
    }
    let mut rest = text;
    let mut sum = 0.0;
    while !rest.is_empty() {
        let number = rest.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(rest.len());
        let (count, unit_and_more) = rest.split_at(number);
        let count: f64 = count.parse().ok()?;
        let (unit, size) = UNITS.iter().find(|(unit, _)| unit_and_more.starts_with(unit))?;
        sum += count * size;
        rest = &unit_and_more[unit.len()..];
    }
    (!text.is_empty() && sum < LIMIT).then_some(sum)
}

/// Whether Go's `path.Match` accepts the glob with the intended meaning: braces and `!` are ordinary characters for it.
pub fn is_glob(glob: &str) -> bool {
    let mut rest = glob;
    while let Some((before, class)) = rest.split_once('[') {
        let Some((class, after)) = class.split_once(']') else { return false };
        if before.contains(FOREIGN) || !is_class(class.strip_prefix('^').unwrap_or(class).as_bytes()) {
            return false;
        }
        rest = after;
    }
    !rest.contains(FOREIGN)
}

/// Characters that have a meaning in other globs, or only in brackets.
const FOREIGN: [char; 6] = ['{', '}', ',', '!', '^', ']'];

/// Whether there are only letters, digits and their ranges between the brackets, at least one.
fn is_class(class: &[u8]) -> bool {
    let rest = match class {
        [low, b'-', high, rest @ ..] if low.is_ascii_alphanumeric() && high.is_ascii_alphanumeric() => rest,
        [one, rest @ ..] if one.is_ascii_alphanumeric() => rest,
        _ => return false,
    };
    rest.is_empty() || is_class(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_read_as_go_reads_it() {
        for (good, seconds) in
            [("10s", 10.0), ("1m30s", 90.0), ("1.5h", 5400.0), ("1000ms", 1.0), ("0s", 0.0), ("0", 0.0), ("+10s", 10.0)]
        {
            let off = (nanoseconds(good).unwrap() - seconds * SECOND).abs();
            assert!(off < 1.0, "{good}");
        }
        assert!(nanoseconds("2562047h47m").is_some());
        for bad in ["", "+", "10", "s", "1d", "1m30", "-1s", "1..5s", "2562047h48m", "10000000h"] {
            assert!(nanoseconds(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_glob_is_accepted_if_go_reads_it_as_other_programs_do() {
        for good in ["kube-system", "kube-*", "?[a-c]*", "kube-[^s]*", "*[x0-9]"] {
            assert!(is_glob(good), "{good}");
        }
        for bad in ["kube-[!s]*", "{a,b}*", "*,", "a*!", "*^", "[-a]", "[a-]", "[^]a]"] {
            assert!(!is_glob(bad), "{bad}");
        }
    }
}
