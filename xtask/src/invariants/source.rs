//! Reading Rust and web sources just well enough: comments and strings blanked
//! out, test modules left aside, line numbers kept.

/// Rust with comments, strings and characters blanked, line breaks kept.
pub fn rust_code(source: &str) -> String {
    let mut scanner = Scanner::new(source);
    while let Some(character) = scanner.peek(0) {
        let (next, previous) = (scanner.peek(1), scanner.previous());
        let in_word = previous.is_some_and(is_word);
        match (character, next) {
            ('/', Some('/')) => scanner.blank_until("\n", 0),
            ('/', Some('*')) => scanner.blank_nested_comment(),
            ('r', Some('"' | '#')) if !in_word => scanner.blank_raw_string(1),
            ('b', Some('r')) if !in_word => scanner.blank_raw_string(2),
            ('"', _) => scanner.blank_string('"'),
            ('\'', Some('\\')) => scanner.blank_string('\''),
            // A lifetime has no closing quote two characters on.
            ('\'', Some(_)) if scanner.peek(2) == Some('\'') => scanner.blank(3),
            _ => scanner.keep(),
        }
    }
    scanner.out
}

/// How a file of the page writes its comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Web {
    Markup,
    Style,
    Script,
}

/// A file of the page with comments blanked, strings kept.
pub fn without_web_comments(source: &str, kind: Web) -> String {
    let mut scanner = Scanner::new(source);
    while let Some(character) = scanner.peek(0) {
        match (kind, character, scanner.peek(1)) {
            (Web::Markup, '<', Some('!')) if scanner.starts_with("<!--") => {
                scanner.blank_until("-->", 3);
            }
            (Web::Style | Web::Script, '/', Some('*')) => scanner.blank_until("*/", 2),
            (Web::Script, '/', Some('/')) => scanner.blank_until("\n", 0),
            (Web::Style | Web::Script, '"' | '\'' | '`', _) => scanner.keep_string(character),
            _ => scanner.keep(),
        }
    }
    scanner.out
}

/// Rust code, already blanked, without its `#[cfg(test)]` items.
pub fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        let (before, item) = rest.split_at(start);
        out.push_str(before);
        let end = item_end(item);
        out.extend(item[..end].chars().map(blanked));
        rest = &item[end..];
    }
    out.push_str(rest);
    out
}

/// Where an item ends: behind its braces, or behind a semicolon before any.
fn item_end(item: &str) -> usize {
    let mut depth = 0_usize;
    for (index, character) in item.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth <= 1 => return index + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return index + 1,
            _ => {}
        }
    }
    item.len()
}

/// Where `word` stands as a word of its own: byte offsets.
pub fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word).filter_map(move |(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        let open = word.chars().next().is_some_and(is_word) && before.is_some_and(is_word);
        let closed = word.chars().next_back().is_some_and(is_word) && after.is_some_and(is_word);
        (!open && !closed).then_some(start)
    })
}

/// The line of a byte offset, counted from one.
pub fn line_at(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn blanked(character: char) -> char {
    if character == '\n' { '\n' } else { ' ' }
}

struct Scanner {
    characters: Vec<char>,
    position: usize,
    out: String,
}

impl Scanner {
    fn new(source: &str) -> Self {
        Self {
            characters: source.chars().collect(),
            position: 0,
            out: String::with_capacity(source.len()),
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.position + ahead).copied()
    }

    fn previous(&self) -> Option<char> {
        self.characters.get(self.position.checked_sub(1)?).copied()
    }

    fn starts_with(&self, text: &str) -> bool {
        text.chars()
            .enumerate()
            .all(|(ahead, character)| self.peek(ahead) == Some(character))
    }

    fn keep(&mut self) {
        if let Some(character) = self.peek(0) {
            self.out.push(character);
            self.position += 1;
        }
    }

    fn blank(&mut self, count: usize) {
        for _ in 0..count {
            if let Some(character) = self.peek(0) {
                self.out.push(blanked(character));
                self.position += 1;
            }
        }
    }

    /// Blanks up to `end`, and `extra` characters of it too.
    fn blank_until(&mut self, end: &str, extra: usize) {
        self.blank(1);
        while self.peek(0).is_some() && !self.starts_with(end) {
            self.blank(1);
        }
        self.blank(extra);
    }

    fn blank_nested_comment(&mut self) {
        let mut depth = 0_usize;
        while self.peek(0).is_some() {
            if self.starts_with("/*") {
                depth += 1;
                self.blank(2);
            } else if self.starts_with("*/") {
                depth -= 1;
                self.blank(2);
                if depth == 0 {
                    return;
                }
            } else {
                self.blank(1);
            }
        }
    }

    fn blank_string(&mut self, quote: char) {
        self.blank(1);
        while let Some(character) = self.peek(0) {
            self.blank(if character == '\\' { 2 } else { 1 });
            if character == quote {
                return;
            }
        }
    }

    fn keep_string(&mut self, quote: char) {
        self.keep();
        while let Some(character) = self.peek(0) {
            self.keep();
            match character {
                '\\' => self.keep(),
                // Only a template goes on over the end of a line; anything else
                // was an apostrophe.
                '\n' if quote != '`' => return,
                _ if character == quote => return,
                _ => {}
            }
        }
    }

    /// A raw string, `prefix` characters before its hashes; a raw identifier
    /// (`r#type`) is kept.
    fn blank_raw_string(&mut self, prefix: usize) {
        let hashes = (prefix..)
            .take_while(|ahead| self.peek(*ahead) == Some('#'))
            .count();
        if self.peek(prefix + hashes) != Some('"') {
            return self.keep();
        }
        self.blank(prefix + hashes + 1);
        let end = format!("\"{}", "#".repeat(hashes));
        while self.peek(0).is_some() && !self.starts_with(&end) {
            self.blank(1);
        }
        self.blank(1 + hashes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_comments_are_blanked_and_lines_kept() {
        let source = "\
a(); // one
/* two /* three */ four */ b(\"five \\\" \\n\"); c('\"'); d(r#\"six\" \"#); e::<'x>();
f(b\"seven\", '\\'', r\"eight\");
";
        let code = rust_code(source);
        assert_eq!(code.lines().count(), source.lines().count());
        for word in [
            "one", "two", "three", "four", "five", "six", "seven", "eight",
        ] {
            assert!(!code.contains(word), "{word} in {code}");
        }
        for call in ["a();", "b(", "c(", "d(", "e::<'x>();", "f("] {
            assert!(code.contains(call), "{call} not in {code}");
        }
    }

    #[test]
    fn test_modules_are_left_aside_and_what_follows_is_not() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { {} } }\nfn c() {}\n#[cfg(test)]\nmod d;\nfn e() {}";
        let rest = without_tests(code);
        assert!(rest.contains("fn a") && rest.contains("fn c") && rest.contains("fn e"));
        assert!(!rest.contains("fn b") && !rest.contains("mod d"));
        assert_eq!(rest.lines().count(), code.lines().count());
    }

    #[test]
    fn addresses_are_no_comments() {
        let code = without_web_comments(
            "a('https://x'); // https://y\n/* https://z */ b",
            Web::Script,
        );
        assert!(code.contains("https://x"));
        assert!(!code.contains("https://y") && !code.contains("https://z"));
        let page = without_web_comments(
            "<!-- https://x --><a href=\"https://y\">it's</a>",
            Web::Markup,
        );
        assert!(!page.contains("https://x") && page.contains("https://y"));
    }

    #[test]
    fn words_stand_alone() {
        assert_eq!(
            words("fetch refetch fetch_all prefetch", "fetch").count(),
            1
        );
        assert_eq!(words("std::fs::read", "std::fs").count(), 1);
        assert_eq!(words("std::fsx", "std::fs").count(), 0);
    }
}
