//! Words of a command that somebody is to type.

use std::ffi::OsStr;

/// A word as a shell takes it for one, in quotes where it would take it apart.
pub fn quoted(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref().to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "-_=+.,:/@%\u{fffd}".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_take_it_apart() {
        let names = ["Müller,OD=1.jpg", "O'Neil.jpg", "$HOME (2).jpg", ""].map(quoted);
        let told = [
            "Müller,OD=1.jpg",
            r"'O'\''Neil.jpg'",
            "'$HOME (2).jpg'",
            "''",
        ];
        assert_eq!(names, told);
    }
}
