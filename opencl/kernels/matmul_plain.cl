// matmul_plain: out[batch, i, j] = epilogue(sum over k of a[.., i, k] * b[.., k, j]) for every element type and device.
//   A, B: storage types, LOAD_A(p, i), LOAD_B(p, i) read them as SUM; OUT, STORE_ONE write what the epilogue returns
//   Up to three leading axes, extents batch_y, batch_x (the outermost is what is left), with strides in elements, 0 where
//   an operand is broadcast. Steps of b: b_k between values of k, b_j between columns.
//   global (items rounded up to the local size), local (-DLOCAL)
//   error of floats <= inner * 2^-24 * sum |a||b|; integers exact modulo SUM's range
#ifndef KERNEL
#define KERNEL matmul_plain
#define A float
#define B float
#define SUM float
#define OUT float
#define LOAD_A(p, i) p[i]
#define LOAD_B(p, i) p[i]
#define STORE_ONE(at, value) *(at) = value
#define EPILOGUE_PARAMETERS
#define EPILOGUE_ONE(given, row, column) (given)
#define LOCAL 64
#endif

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void KERNEL(
    __global const A* restrict a, __global const B* restrict b, __global OUT* restrict out, int items, int rows, int columns, int inner, int b_k, int b_j,
    int batch_y, int batch_x, int a_z, int a_y, int a_x, int b_z, int b_y, int b_x EPILOGUE_PARAMETERS) {
    const int item = get_global_id(0);
    if (item >= items) return;
    const int column = item % columns, row = item / columns, batch = row / rows;
    const int x = batch % batch_x, y = batch / batch_x % batch_y, z = batch / batch_x / batch_y;
    const size_t left = (size_t)z * a_z + (size_t)y * a_y + (size_t)x * a_x + (size_t)(row % rows) * inner;
    const size_t right = (size_t)z * b_z + (size_t)y * b_y + (size_t)x * b_x + (size_t)column * b_j;
    SUM sum = 0;
    for (int k = 0; k < inner; ++k) sum += LOAD_A(a, left + k) * LOAD_B(b, right + (size_t)k * b_k);
    STORE_ONE(out + item, EPILOGUE_ONE(sum, row, column));
}
