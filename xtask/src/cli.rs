//! What may be asked for on the command line, and the help that says so.

use std::ffi::OsString;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use anyhow::{Result, anyhow, bail};
use lexopt::{Arg, Parser, ValueExt};

use crate::suite::Part;

pub const HELP: &str = "\
Builds, serves and tests Fovea.

  cargo xtask serve        build everything and open the page on this machine
  cargo xtask test         run every check and test, as CI does

More:
  cargo xtask site         write the static site to target/site/, for any static host
  cargo xtask pkg          write the npm package to pkg/
  cargo xtask lint         formatting, then clippy with warnings as errors
  cargo xtask invariants   rules of the house: what a file may and may not contain
  cargo xtask doctor       which tools are here, which are missing, how to get them
  cargo xtask clean-cache  delete the tools and build products kept outside the repository

Options:
  serve --port N           first port to try (8080); the next free one is taken
  serve --host ADDRESS     listen on another address than 127.0.0.1
  serve --no-build         serve what stands in target/site/
  serve, site --cpu-only   leave out the larger wasm file with WebGPU: quicker to build
  test --only PART         one part only; may be repeated
  test --list              name the parts
  -h, --help               this text

Tools and build products are kept in ~/.cache/fovea (or $XDG_CACHE_HOME/fovea; set
FOVEA_CACHE to keep them elsewhere). FOVEA_CHROMIUM and FOVEA_CHROMEDRIVER name a
browser and its driver that are not on PATH.
";

/// Which wasm files a site holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variants {
    All,
    CpuOnly,
}

/// One chore, checked and ready to run.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Help,
    Serve {
        host: IpAddr,
        port: u16,
        variants: Variants,
        /// Serve the site as it stands.
        built: bool,
    },
    Site(Variants),
    Package,
    /// No parts named: all of them.
    Test(Vec<Part>),
    ListParts,
    Lint,
    Invariants,
    Doctor,
    CleanCache,
}

/// Reads the arguments after `cargo xtask`.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command> {
    let mut parser = Parser::from_args(arguments);
    let mut name: Option<String> = None;
    let mut host = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut port = 8080;
    let mut variants = Variants::All;
    let mut parts = Vec::new();
    let mut list = false;
    let mut built = false;

    while let Some(argument) = parser.next()? {
        match (name.as_deref(), argument) {
            (_, Arg::Short('h') | Arg::Long("help")) => return Ok(Command::Help),
            (None, Arg::Value(value)) => name = Some(value.string()?),
            (Some("serve"), Arg::Long("port")) => port = parser.value()?.parse()?,
            (Some("serve"), Arg::Long("host")) => host = parser.value()?.parse()?,
            (Some("serve"), Arg::Long("no-build")) => built = true,
            (Some("serve" | "site"), Arg::Long("cpu-only")) => variants = Variants::CpuOnly,
            (Some("test"), Arg::Long("only")) => {
                parts.push(Part::named(&parser.value()?.string()?)?);
            }
            (Some("test"), Arg::Long("list")) => list = true,
            (command, unknown) => {
                let after = command.map(|name| format!(" after `{name}`"));
                return Err(anyhow!(
                    "{}{}; `cargo xtask --help` lists what there is",
                    unknown.unexpected(),
                    after.unwrap_or_default(),
                ));
            }
        }
    }

    Ok(match name.as_deref() {
        None | Some("help") => Command::Help,
        Some("serve") => Command::Serve {
            host,
            port,
            variants,
            built,
        },
        Some("site") => Command::Site(variants),
        Some("pkg") => Command::Package,
        Some("test") if list => Command::ListParts,
        Some("test") => Command::Test(parts),
        Some("lint") => Command::Lint,
        Some("invariants") => Command::Invariants,
        Some("doctor") => Command::Doctor,
        Some("clean-cache") => Command::CleanCache,
        Some(other) => bail!("there is no `{other}`; `cargo xtask --help` lists what there is"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn nothing_asked_for_shows_the_help() {
        assert_eq!(read("").unwrap(), Command::Help);
        assert_eq!(read("serve --help").unwrap(), Command::Help);
    }

    #[test]
    fn serve_stays_on_this_machine_unless_told_otherwise() {
        let Command::Serve { host, port, .. } = read("serve").unwrap() else {
            panic!("not serve");
        };
        assert!(host.is_loopback());
        assert_eq!(port, 8080);
        let opened = read("serve --host 0.0.0.0 --port=9000 --cpu-only").unwrap();
        assert_eq!(
            opened,
            Command::Serve {
                host: "0.0.0.0".parse().unwrap(),
                port: 9000,
                variants: Variants::CpuOnly,
                built: false,
            }
        );
    }

    #[test]
    fn parts_of_the_test_are_named_one_by_one() {
        assert_eq!(
            read("test --only native --only page").unwrap(),
            Command::Test(vec![Part::Native, Part::Page])
        );
    }

    #[test]
    fn a_slip_names_what_there_is() {
        for line in ["serv", "test --fast", "site --port 1", "serve --port many"] {
            assert!(read(line).is_err(), "{line} was taken");
        }
        let error = read("test --only pages").unwrap_err().to_string();
        assert!(error.contains("page"), "{error}");
        let error = read("serv").unwrap_err().to_string();
        assert!(error.contains("--help"), "{error}");
    }

    #[test]
    fn the_help_names_every_command() {
        for name in [
            "serve",
            "site",
            "pkg",
            "test",
            "lint",
            "invariants",
            "doctor",
            "clean-cache",
        ] {
            assert!(HELP.contains(&format!("cargo xtask {name}")), "{name}");
            assert!(read(name).is_ok(), "{name}");
        }
    }
}
