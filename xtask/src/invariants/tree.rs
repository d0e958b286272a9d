//! The files of the repository: those git tracks, and those it would.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::files;
use crate::process::Run;

/// Folders that are no part of the repository, where git is not there to say so.
const BUILT: [&str; 5] = [".git", "target", "pkg", "runs", "node_modules"];

pub struct Tree {
    root: PathBuf,
    /// Relative to the root, with forward slashes, sorted.
    files: Vec<String>,
}

impl Tree {
    /// What git tracks or would track; without git, every file but build
    /// products.
    pub fn of_repository(root: &Path) -> Result<Self> {
        let listed = Run::new("git", "")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .folder(root)
            .output();
        let mut files: Vec<String> = match listed {
            Ok(listed) => listed
                .split('\0')
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            Err(_) => files::walk_except(root, |name| BUILT.contains(&name))?
                .iter()
                .map(|path| files::url(path))
                .collect(),
        };
        files.retain(|name| root.join(name).is_file());
        files.sort();
        files.dedup();
        Ok(Self {
            root: root.to_path_buf(),
            files,
        })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// Files whose name starts and ends so.
    pub fn files<'a>(
        &'a self,
        prefix: &'a str,
        endings: &'a [&str],
    ) -> impl Iterator<Item = &'a str> {
        self.files.iter().map(String::as_str).filter(move |name| {
            name.starts_with(prefix)
                && (endings.is_empty() || endings.iter().any(|ending| name.ends_with(ending)))
        })
    }

    /// A text file, or `None` for anything that is not text.
    pub fn text(&self, file: &str) -> Result<Option<String>> {
        let path = self.path(file);
        let bytes =
            fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(String::from_utf8(bytes)
            .ok()
            .filter(|text| !text.contains('\0')))
    }

    pub fn size(&self, file: &str) -> Result<u64> {
        let path = self.path(file);
        let metadata =
            fs::metadata(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(metadata.len())
    }
}

/// A small tree to try the rules on.
#[cfg(test)]
pub mod example {
    use super::*;

    pub struct Example {
        folder: tempfile::TempDir,
    }

    impl Example {
        pub fn new(files: &[(&str, &str)]) -> Self {
            let example = Self {
                folder: tempfile::tempdir().unwrap(),
            };
            fs::create_dir(example.root()).unwrap();
            for (name, text) in files {
                example.write(name, text.as_bytes());
            }
            example
        }

        pub fn root(&self) -> PathBuf {
            self.folder.path().join("repository")
        }

        pub fn write(&self, name: &str, bytes: &[u8]) {
            let path = self.root().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }

        pub fn tree(&self) -> Tree {
            Tree::of_repository(&self.root()).unwrap()
        }
    }

    /// What a rule finds in these files, as `file:line`.
    pub fn found(
        check: fn(&Tree) -> Result<Vec<crate::invariants::Finding>>,
        files: &[(&str, &str)],
    ) -> Vec<String> {
        let findings = check(&Example::new(files).tree()).unwrap();
        findings
            .iter()
            .map(|finding| format!("{}:{}", finding.file, finding.line))
            .collect()
    }

    #[test]
    fn what_git_ignores_is_no_part_of_the_tree() {
        let example = Example::new(&[
            ("src/lib.rs", ""),
            ("target/debug/x", ""),
            (".gitignore", "/target\n"),
        ]);
        let names = |tree: Tree| tree.files("", &[]).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(names(example.tree()), [".gitignore", "src/lib.rs"]);
        Run::new("git", "")
            .args(["init", "-q"])
            .folder(&example.root())
            .go()
            .unwrap();
        assert_eq!(names(example.tree()), [".gitignore", "src/lib.rs"]);
    }
}
