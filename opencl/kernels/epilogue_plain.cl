// epilogue_plain: what follows a product that a library has computed: out[r, o] = epilogue(given[r, o]).
//   given float [rows, columns]; OUT, STORE_ONE write what the epilogue returns
//   global (items rounded up to LOCAL), local (LOCAL, 1, 1); needs OpenCL 1.2, no extensions
#ifndef KERNEL
#define KERNEL epilogue_plain
#define OUT float
#define STORE_ONE(at, value) *(at) = value
#define EPILOGUE_PARAMETERS
#define EPILOGUE_ONE(given, row, column) (given)
#define LOCAL 64
#endif

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void KERNEL(__global const float* restrict given, __global OUT* restrict out,
                                                                        int items, int columns EPILOGUE_PARAMETERS) {
    const int item = get_global_id(0);
    if (item >= items) return;
    const int row = item / columns, column = item % columns;
    STORE_ONE(out + item, EPILOGUE_ONE(given[item], row, column));
}
