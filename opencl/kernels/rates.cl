// rates: what a device can do at best, for the planner's first guess and for people.
//   rates_fma     CHAINS independent multiply-adds per item and iteration on vectors of WIDTH floats, all in registers
//                 global (items), any local; items * iterations * CHAINS * WIDTH * 2 FLOP
//   rates_stream  to[i] = from[i], float16 from[n], to[n]; global (n), any local; 128 bytes moved an item
//   rates_empty   nothing, for the cost of a launch; global (1)
// OpenCL 1.2, no extensions. CHAINS covers the latency of a multiply-add times its throughput on the CPUs and GPUs of
// the field (4 to 5 cycles, two a cycle).
#ifndef WIDTH
#define WIDTH 16  // native f32 lanes: 1, 2, 4, 8 or 16
#endif
#define CHAINS 12

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#if WIDTH == 1
typedef float lanes;
#define STORE(value, index, to) (to)[index] = (value)
#else
typedef JOIN(float, WIDTH) lanes;
#define STORE JOIN(vstore, WIDTH)
#endif

__kernel void rates_fma(__global float* out, float scale, float step, int iterations) {
    lanes x[CHAINS];
    #pragma unroll
    for (int c = 0; c < CHAINS; ++c)
        x[c] = (lanes)(step * (float)(c + (int)get_global_id(0)));
    for (int i = 0; i < iterations; ++i) {
        #pragma unroll
        for (int c = 0; c < CHAINS; ++c)
            x[c] = x[c] * scale + step;
    }
    lanes sum = x[0];
    #pragma unroll
    for (int c = 1; c < CHAINS; ++c)
        sum += x[c];
    STORE(sum, get_global_id(0), out);
}

__kernel void rates_stream(__global const float16* restrict from, __global float16* restrict to) {
    to[get_global_id(0)] = from[get_global_id(0)];
}

__kernel void rates_empty(void) {
}
