//! Memory that is kept from one training step to the next.

/// Tells the C library to keep what a step gives back: every step asks for the
/// same large buffers again, and fetching fresh pages from the system for them
/// takes a tenth of its time. Only glibc has to be told; for the process, once.
pub fn keep() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: both settings may be changed at any time.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
    }
}
