//! The `fovea` command; everything it does is in `fovea::cli`.

fn main() -> std::process::ExitCode {
    fovea::cli::main()
}
