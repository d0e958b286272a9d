//! Products of matrices on the GPU.

use burn::backend::DType;
use burn_cubecl::cubecl::ir::ElemType;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubek::matmul::definition::{MatmulElems, MatmulGlobalElems, MatmulSetupError};
use cubek::matmul::launch::launch_ref;
use cubek::matmul::multi_level;
use cubek::matmul::strategy::Strategy;
use cubek::std::InputBinding;

/// What CubeCL calls a kind of number.
///
/// # Panics
/// If it is none a network here computes with.
pub fn element(kind: DType) -> ElemType {
    burn::backend::cubecl::dtype_to_elem_type(kind)
}

/// `[rows, inner]` times `[inner, columns]`, or as many of both as `parts`, each
/// summed in single precision.
///
/// # Panics
/// If no kernel of cubek's multiplies on this GPU; the last is one that needs nothing.
pub fn multiply(left: CubeTensor, right: CubeTensor) -> CubeTensor {
    let mut last = None;
    for strategy in strategies(&right) {
        match multiply_by(&strategy, left.clone(), right.clone()) {
            Ok(product) => return product,
            Err(error) => last = Some(error),
        }
    }
    panic!("no kernel multiplies these matrices on this GPU: {last:?}")
}

/// Ways to multiply, the fastest first; each refuses what it cannot do.
///
/// On an H200 `DoubleTmaMma` takes a third off them, but its kernels take the GPU's
/// compiler half a minute and more where these take it some seconds: as long as 10,000
/// steps save.
fn strategies(right: &CubeTensor) -> [Strategy; 4] {
    use multi_level::Strategy as By;
    let rank = right.meta.num_dims();
    // The one is the faster where `right` lies in columns, the other where in rows.
    let (mma, cmma) = (
        By::SimpleCyclicMma(Default::default()).into(),
        By::SimpleCyclicCmma(Default::default()).into(),
    );
    let [first, second] = match right.meta.strides()[rank - 1] {
        1 => [cmma, mma],
        _ => [mma, cmma],
    };
    [
        first,
        second,
        By::SimpleUnit(Default::default()).into(),
        By::Naive.into(),
    ]
}

fn multiply_by(
    strategy: &Strategy,
    left: CubeTensor,
    right: CubeTensor,
) -> Result<CubeTensor, MatmulSetupError> {
    let rank = left.meta.num_dims();
    let mut shape = left.meta.shape().clone();
    shape[rank - 1] = right.meta.shape()[rank - 1];
    let output =
        empty_device_contiguous_dtype(left.client.clone(), left.device.clone(), shape, DType::F32);
    let mut elements = MatmulElems::from_globals(&MatmulGlobalElems {
        lhs: element(left.dtype),
        rhs: element(right.dtype),
        out: element(DType::F32),
    });
    let factor = |tensor: CubeTensor| {
        let element = element(tensor.dtype);
        InputBinding::new(tensor.binding(), element)
    };
    launch_ref(
        strategy,
        &output.client.clone(),
        factor(left),
        factor(right),
        output.clone().binding(),
        &mut elements,
    )?;
    Ok(output)
}
