// Whether this browser knows WebAssembly's relaxed SIMD, which multiplies and adds
// in one step: it accepts a module of one function with such an instruction
// (i8x16.relaxed_swizzle). The service worker asks the same.

const MODULE = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11];

export const relaxedSimd = () => WebAssembly.validate(new Uint8Array(MODULE));
