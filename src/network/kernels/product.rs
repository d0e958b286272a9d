//! Matrix products, the processor's fastest work.

#[cfg(any(target_arch = "wasm32", test))]
mod narrow;

use gemm::{Parallelism, gemm};

/// A matrix: where it starts, and the distance from row to row and column to column.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub values: &'a [f32],
    pub strides: [usize; 2],
}

/// `to = to + left · right`, or without what `to` held where `add` is false.
///
/// # Safety
/// `to` is valid for an `rows x columns` matrix of these strides, and nobody
/// else's meanwhile.
pub(super) unsafe fn multiply(
    [rows, inner, columns]: [usize; 3],
    to: *mut f32,
    strides: [usize; 2],
    left: Matrix<'_>,
    right: Matrix<'_>,
    add: bool,
) {
    let reach = |m: Matrix<'_>, [r, c]: [usize; 2]| {
        r == 0 || c == 0 || (r - 1) * m.strides[0] + (c - 1) * m.strides[1] < m.values.len()
    };
    assert!(reach(left, [rows, inner]) && reach(right, [inner, columns]));
    #[cfg(target_arch = "wasm32")]
    if [strides[1], left.strides[1], right.strides[1]] == [1; 3] && inner > 0 {
        // SAFETY: the inputs' reach is checked above, the output's is promised.
        return unsafe {
            narrow::multiply([rows, inner, columns], to, strides[0], left, right, add)
        };
    }
    // SAFETY: as above.
    unsafe {
        gemm(
            rows,
            columns,
            inner,
            to,
            strides[1] as isize,
            strides[0] as isize,
            add,
            left.values.as_ptr(),
            left.strides[1] as isize,
            left.strides[0] as isize,
            right.values.as_ptr(),
            right.strides[1] as isize,
            right.strides[0] as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
