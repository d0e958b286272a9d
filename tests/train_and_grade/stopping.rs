//! Ctrl-C.

use std::path::Path;
use std::process::Command;

use super::draw_dataset;

/// The command under way, and what it says, line by line.
#[cfg(unix)]
struct Running {
    child: std::process::Child,
    said: std::io::Lines<std::io::BufReader<std::process::ChildStderr>>,
}

#[cfg(unix)]
impl Running {
    fn begin(arguments: &[&str]) -> Self {
        use std::io::BufRead;

        let mut child = Command::new(env!("CARGO_BIN_EXE_fovea"))
            .args(arguments)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let said = std::io::BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, said }
    }

    /// Presses Ctrl-C once it says `words`; its exit code, and all it says from then on.
    fn stopped_at(mut self, words: &str) -> (Option<i32>, String) {
        let line = (self.said.by_ref()).find(|line| line.as_ref().unwrap().contains(words));
        assert!(line.is_some(), "it never said {words:?}");
        let pressed = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        assert!(pressed.unwrap().success());
        let rest: Vec<String> = self.said.map(Result::unwrap).collect();
        (self.child.wait().unwrap().code(), rest.join("\n"))
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_after_a_step_and_at_once_where_no_step_is_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("drawn");
    draw_dataset(&data, 4, 160);
    let out = folder.path().join("my run");
    let (data, out) = (data.to_str().unwrap(), out.to_str().unwrap());
    let quick = ["--size", "32", "--batch", "8", "--validation", "0.3"];
    let train = [&["train", "--data", data, "--out", out], &quick[..]].concat();
    let long = [&train[..], &["--epochs", "2000"]].concat();
    let told = format!("go on from the last whole epoch with `fovea train --resume --out '{out}'`");

    let (code, words) = Running::begin(&long).stopped_at("epoch 3: ");
    assert_eq!(code, Some(1), "{words}");
    assert!(
        words.contains("stopping after this step") && words.ends_with(&told),
        "{words}"
    );
    let last = || {
        let folder = Path::new(out).join("checkpoints");
        let epochs = std::fs::read_dir(folder).unwrap();
        let names = epochs.map(|epoch| epoch.unwrap().file_name().into_string().unwrap());
        names.max().unwrap()
    };
    let first = last();
    assert!(first.as_str() >= "epoch-0003", "{first}");
    let (_, words) = Running::begin(&["train", "--resume", "--out", out]).stopped_at("epoch 9: ");
    assert!(words.ends_with(&told), "{words}");
    assert!(last() > first);

    // A search for a learning rate asks for no steps to go on from, nor is there one
    // while photos are looked at.
    let rates = folder.path().join("rates");
    let rates = rates.to_str().unwrap();
    let mut search = vec!["train", "--find-learning-rate", "--data", data];
    search.extend(["--out", rates, "--size", "160", "--batch", "8"]);
    for stage in ["Looking for duplicates", "Trying learning rates"] {
        let (code, words) = Running::begin(&search).stopped_at(stage);
        assert_eq!(code, Some(130), "{stage}: {words}");
        assert!(!words.contains("after this step"), "{stage}: {words}");
    }
    assert!(!Path::new(rates).join("learning-rate.svg").exists());
}
