//! Numbers with what they count.

use std::fmt::Display;

/// As in “1 photo” and “3 photos”.
pub fn counted(count: impl Display, what: &str) -> String {
    let count = count.to_string();
    let plural = if count == "1" { "" } else { "s" };
    format!("{count} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_alone_is_not_several() {
        let told = [0, 1, 2].map(|count| counted(count, "photo"));
        assert_eq!(told, ["0 photos", "1 photo", "2 photos"]);
        let told = [0.5, 1.0].map(|count| counted(count, "epoch"));
        assert_eq!(told, ["0.5 epochs", "1 epoch"]);
    }
}
