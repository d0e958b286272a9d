//! How many tests ran, read off the closing lines of the runners.

use std::ops::AddAssign;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Reads a runner's output line by line.
#[derive(Debug, Default)]
pub struct Tally {
    counts: Counts,
}

impl Tally {
    /// Knows the closing lines of cargo and wasm-bindgen
    /// (`test result: ok. 4 passed; 0 failed; …`) and of `node --test`
    /// (`# pass 4`, `ℹ fail 0`).
    pub fn read(&mut self, line: &str) {
        let line = without_colours(line);
        let line = line.trim();
        if let Some((_, result)) = line.split_once("test result: ") {
            for clause in result.split([';', '.']) {
                let mut words = clause.split_whitespace();
                if let (Some(number), Some(word)) = (words.next(), words.next()) {
                    self.add(word, number);
                }
            }
        } else if let Some(summary) = line.strip_prefix("# ").or(line.strip_prefix("ℹ ")) {
            let mut words = summary.split_whitespace();
            if let (Some(word), Some(number), None) = (words.next(), words.next(), words.next()) {
                match word {
                    "pass" => self.add("passed", number),
                    "fail" | "cancelled" => self.add("failed", number),
                    _ => {}
                }
            }
        }
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn add(&mut self, word: &str, number: &str) {
        let Ok(number) = number.parse::<usize>() else {
            return;
        };
        match word {
            "passed" => self.counts.passed += number,
            "failed" => self.counts.failed += number,
            _ => {}
        }
    }
}

/// Drops the terminal's colour sequences (`ESC [ … m`).
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(output: &str) -> (usize, usize) {
        let mut tally = Tally::default();
        output.lines().for_each(|line| tally.read(line));
        (tally.counts().passed, tally.counts().failed)
    }

    #[test]
    fn several_cargo_results_are_summed() {
        let output = "\
running 3 tests
test a ... ok
test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s
test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(count(output), (7, 2));
    }

    #[test]
    fn colours_do_not_hide_the_result() {
        assert_eq!(
            count("test result: \u{1b}[32mok\u{1b}[0m. 5 passed; 1 failed; 0 ignored"),
            (5, 1)
        );
    }

    #[test]
    fn both_reporters_of_node_are_read() {
        assert_eq!(
            count("# tests 9\n# pass 8\n# fail 1\n# cancelled 2"),
            (8, 3)
        );
        assert_eq!(count("ℹ tests 4\nℹ pass 4\nℹ fail 0"), (4, 0));
    }

    #[test]
    fn other_lines_count_for_nothing() {
        assert_eq!(
            count("# Subtest: pass 4 photos\n2 passed; 1 failed\n"),
            (0, 0)
        );
    }
}
