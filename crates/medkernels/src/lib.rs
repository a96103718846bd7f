//! Kernels for medical volumes: slices in, slices out, the same bits on every instruction set.
