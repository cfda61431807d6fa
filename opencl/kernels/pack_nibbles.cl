// pack_nibbles: out[i] = the low four bits of x[2 i], and of x[2 i + 1] above them; a missing last one is 0.
//   x uchar [count], one element a byte; out uchar [(count + 1) / 2]
//   global ((count + 1) / 2 rounded up to the local size), local (-DLOCAL)
// Work-items of other kernels make single elements, and two of them would write one byte.
#ifndef KERNEL
#define KERNEL pack_nibbles
#define LOCAL 64
#endif

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void KERNEL(__global const uchar* restrict x, __global uchar* restrict out, int count) {
    const int at = get_global_id(0), first = 2 * at;
    if (first >= count) return;
    out[at] = (x[first] & 15) | (first + 1 < count ? (x[first + 1] & 15) << 4 : 0);
}
