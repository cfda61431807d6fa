// recurrent: one direction of an LSTM, GRU or simple RNN; see lib/graph/cards/recurrent.cpp for the equations.
//   gates [steps, batch, G*H] (the input's part), r [G*H, H], y [steps, batch, H], h_out, c_out [batch, H]; all X
//   optional with a flag: r_bias [G*H], h0, c0 [batch, H], peephole [3*H], lengths int [batch]
//   state VALUE [batch, 4*H]: scratch of a sequence: h, c, and two rows that a step needs
//   -DLSTM, -DGRU or neither; F(v), G(v), H_(v) activations; CLIP(v); -DINPUT_FORGET, -DLINEAR_BEFORE_RESET, -DREVERSE
//   global (batch rounded up to the local size), local (-DLOCAL): a work-item walks one sequence, since a step needs the last
//   error: that of H-term sums and of the activations, carried over the steps
// Source: ONNX operators LSTM, GRU and RNN, version 14, "Equations".
#ifndef KERNEL
#define KERNEL recurrent
#define X float
#define VALUE float
#define LOAD_X(p, i) p[i]
#define STORE_ONE(at, value) *(at) = value
#define LSTM
#define F(v) (1.0f / (1.0f + exp(-(v))))
#define G(v) tanh(v)
#define H_(v) tanh(v)
#define CLIP(v) (v)
#define LOCAL 1
#endif

#ifndef RECUR
#define SHOAL_JOIN_(a, b) a##b
#define SHOAL_JOIN(a, b) SHOAL_JOIN_(a, b)
#define RECUR SHOAL_JOIN(KERNEL, _recur)
#endif

// r[row, :] . state + r_bias[row]
inline VALUE RECUR(__global const X* restrict r, __global const X* restrict r_bias, int with_bias, __global const VALUE* state, int row, int hidden) {
    VALUE sum = with_bias ? LOAD_X(r_bias, row) : 0;
    for (int k = 0; k < hidden; ++k) sum += LOAD_X(r, (size_t)row * hidden + k) * state[k];
    return sum;
}

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void KERNEL(
    __global const X* restrict gates, __global const X* restrict r, __global const X* restrict r_bias, __global const X* restrict h0,
    __global const X* restrict c0, __global const X* restrict peephole, __global const int* restrict lengths, __global X* restrict y,
    __global X* restrict h_out, __global X* restrict c_out, __global VALUE* state, int with_bias, int with_h0, int with_c0, int with_peephole,
    int with_lengths, int steps, int batch, int hidden) {
    const int b = get_global_id(0);
    if (b >= batch) return;
    __global VALUE* h = state + (size_t)b * 4 * hidden;
    __global VALUE *c = h + hidden, *next = h + 2 * hidden, *other = h + 3 * hidden;
    for (int j = 0; j < hidden; ++j) {
        h[j] = with_h0 ? LOAD_X(h0, b * hidden + j) : 0;
        c[j] = with_c0 ? LOAD_X(c0, b * hidden + j) : 0;
    }
    const int length = with_lengths ? clamp(lengths[b], 0, steps) : steps;
    for (int n = 0; n < steps; ++n) {
        if (n >= length) {
            for (int j = 0; j < hidden; ++j) STORE_ONE(y + ((size_t)n * batch + b) * hidden + j, 0);
            continue;
        }
#ifdef REVERSE
        const int t = length - 1 - n;
#else
        const int t = n;
#endif
#if defined(LSTM)
        const size_t x = ((size_t)t * batch + b) * 4 * hidden;
        for (int j = 0; j < hidden; ++j) {
            const VALUE p_in = with_peephole ? LOAD_X(peephole, j) : 0, p_out = with_peephole ? LOAD_X(peephole, hidden + j) : 0,
                        p_forget = with_peephole ? LOAD_X(peephole, 2 * hidden + j) : 0;
            const VALUE in = F(CLIP(LOAD_X(gates, x + j) + RECUR(r, r_bias, with_bias, h, j, hidden) + p_in * c[j]));
#ifdef INPUT_FORGET
            const VALUE forget = 1 - in + 0 * p_forget;
#else
            const VALUE forget =
                F(CLIP(LOAD_X(gates, x + 2 * hidden + j) + RECUR(r, r_bias, with_bias, h, 2 * hidden + j, hidden) + p_forget * c[j]));
#endif
            const VALUE cell = forget * c[j] + in * G(CLIP(LOAD_X(gates, x + 3 * hidden + j) + RECUR(r, r_bias, with_bias, h, 3 * hidden + j, hidden)));
            const VALUE out = F(CLIP(LOAD_X(gates, x + hidden + j) + RECUR(r, r_bias, with_bias, h, hidden + j, hidden) + p_out * cell));
            other[j] = cell;
            next[j] = out * H_(cell);
        }
        for (int j = 0; j < hidden; ++j) c[j] = other[j];
#elif defined(GRU)
        const size_t x = ((size_t)t * batch + b) * 3 * hidden;
        for (int j = 0; j < hidden; ++j) other[j] = F(CLIP(LOAD_X(gates, x + hidden + j) + RECUR(r, r_bias, with_bias, h, hidden + j, hidden)));
#ifndef LINEAR_BEFORE_RESET
        for (int j = 0; j < hidden; ++j) c[j] = other[j] * h[j];
#endif
        for (int j = 0; j < hidden; ++j) {
            const VALUE update = F(CLIP(LOAD_X(gates, x + j) + RECUR(r, r_bias, with_bias, h, j, hidden)));
#ifdef LINEAR_BEFORE_RESET
            const VALUE memory = other[j] * RECUR(r, r_bias, with_bias, h, 2 * hidden + j, hidden);
#else
            const VALUE memory = RECUR(r, r_bias, with_bias, c, 2 * hidden + j, hidden);
#endif
            next[j] = (1 - update) * G(CLIP(LOAD_X(gates, x + 2 * hidden + j) + memory)) + update * h[j];
        }
#else
        const size_t x = ((size_t)t * batch + b) * hidden;
        for (int j = 0; j < hidden; ++j) next[j] = F(CLIP(LOAD_X(gates, x + j) + RECUR(r, r_bias, with_bias, h, j, hidden)));
#endif
        for (int j = 0; j < hidden; ++j) {
            h[j] = next[j];
            STORE_ONE(y + ((size_t)t * batch + b) * hidden + j, next[j]);
        }
    }
    for (int j = 0; j < hidden; ++j) {
        STORE_ONE(h_out + b * hidden + j, h[j]);
#ifdef LSTM
        STORE_ONE(c_out + b * hidden + j, c[j]);
#endif
    }
}
