//! Results that several threads write, each its own part of them.

#[cfg(feature = "train")]
use std::mem::MaybeUninit;

/// Where a result lies while threads write it, each to places of its own.
#[derive(Clone, Copy)]
pub(in crate::network) struct Shared {
    start: *mut f32,
    len: usize,
}

// SAFETY: every use names the places it writes to, which are no other thread's.
unsafe impl Send for Shared {}
unsafe impl Sync for Shared {}

impl Shared {
    /// A buffer that is used again and again.
    pub(in crate::network) fn of(values: &mut [f32]) -> Self {
        Self {
            start: values.as_mut_ptr(),
            len: values.len(),
        }
    }

    /// # Safety
    /// What is written through it is no other thread's, and lies within the result.
    pub(in crate::network) unsafe fn at(self, offset: usize) -> *mut f32 {
        debug_assert!(offset < self.len);
        // SAFETY: promised by the caller.
        unsafe { self.start.add(offset) }
    }

    /// # Safety
    /// These places are no other thread's for as long as the slice lives.
    #[cfg(feature = "train")]
    pub(in crate::network) unsafe fn slice<'a>(
        self,
        offset: usize,
        len: usize,
    ) -> &'a mut [MaybeUninit<f32>] {
        assert!(offset + len <= self.len);
        // SAFETY: within the result, and promised by the caller to be its own.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(offset).cast(), len) }
    }
}

/// A result of `len` numbers, without the pass over memory that would first set
/// them all to nothing.
///
/// # Safety
/// `fill` writes every one of them.
pub(in crate::network) unsafe fn filled(len: usize, fill: impl FnOnce(Shared)) -> Vec<f32> {
    let mut values = Vec::with_capacity(len);
    fill(Shared {
        start: values.as_mut_ptr(),
        len,
    });
    // SAFETY: the room is there, and the caller promises that it is written.
    unsafe { values.set_len(len) };
    values
}
