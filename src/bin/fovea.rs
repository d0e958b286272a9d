//! The `fovea` command; everything it does is in `fovea::cli`.

fn main() -> std::process::ExitCode {
    #[cfg(any(feature = "cuda", feature = "gpu"))]
    begin_on_the_processor();
    fovea::cli::main()
}

/// Has burn put what no device is named for on the processor: an optimiser's state,
/// which `--resume` reads there before its first step takes it to the device of the
/// training. In a build for GPUs burn's own choice is a GPU, and it panics where there
/// is none.
#[cfg(any(feature = "cuda", feature = "gpu"))]
fn begin_on_the_processor() {
    if std::env::var_os("BURN_DEVICE").is_none() {
        // SAFETY: no other thread has been started.
        unsafe { std::env::set_var("BURN_DEVICE", "flex") };
    }
}
