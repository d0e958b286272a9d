//! `cargo xtask`: Fovea's chores, the same on a laptop and in CI. It drives
//! cargo, wasm-bindgen, wasm-opt, Node and Chromium, and holds nothing of what
//! Fovea does with a photo.

mod cli;
mod count;
mod digest;
mod doctor;
mod files;
mod invariants;
mod package;
mod paths;
mod process;
mod reference;
mod say;
mod server;
mod site;
mod suite;
mod tools;
mod wasm;

use std::process::ExitCode;

use anyhow::{Result, bail};

use cli::Command;
use paths::Paths;
use suite::Part;
use tools::Toolbox;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let command = cli::parse(std::env::args_os().skip(1))?;
    let paths = Paths::find()?;
    let tools = Toolbox::new(&paths);
    match command {
        Command::Help => say::text(cli::HELP),
        Command::ListParts => {
            for part in Part::ALL {
                say::line(format_args!("{:<12}{}", part.name(), part.about()));
            }
        }
        Command::Site(variants) => site::build(&paths, &tools, variants)?,
        Command::Serve {
            host,
            port,
            variants,
            built,
        } => {
            if !built {
                site::build(&paths, &tools, variants)?;
            } else if !paths.site().join("index.html").is_file() {
                bail!("target/site/ is not there; leave out --no-build");
            }
            server::serve(&paths.site(), host, port)?;
        }
        Command::Package => package::build(&paths, &tools)?,
        Command::Test(parts) if parts.is_empty() => suite::run(&paths, &Part::ALL)?,
        Command::Test(parts) => suite::run(&paths, &parts)?,
        Command::Lint => suite::run(&paths, &Part::LINT)?,
        Command::Invariants => suite::run(&paths, &[Part::Invariants])?,
        Command::Doctor => doctor::report(&paths)?,
        Command::CleanCache => clean_cache(&paths)?,
    }
    Ok(())
}

fn clean_cache(paths: &Paths) -> Result<()> {
    for folder in ["tools", "target", "wasm", "webdriver", "reference"] {
        let folder = paths.cache.join(folder);
        if folder.is_dir() {
            say::line(format_args!("Deleting {}", folder.display()));
            files::remove(&folder)?;
        }
    }
    Ok(())
}
