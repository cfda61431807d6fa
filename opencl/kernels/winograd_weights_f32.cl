// winograd_weights_f32: u[xi, c, o] = G g G^T for every 3x3 filter g, packed in panels as contract_f32_simd reads them.
//   from float [columns, 3, 3, channels]; to float [36, ceil(columns / width), channels, width], of vectors of `lanes` columns, of
//   which the last ones move back to end with the last column; columns >= lanes
//   global (channels, panels), local (1, 1, 1)
// Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, F(4x4, 3x3).
#ifndef KERNEL
#define KERNEL winograd_weights_f32
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void KERNEL(__global const float* restrict from, __global float* restrict to, int channels,
                                                                    int columns, int width, int lanes) {
    const int c = get_global_id(0), panel = get_global_id(1), panels = (columns + width - 1) / width;
    for (int n = 0; n < width; ++n) {
        const int vector = n / lanes * lanes, o = min(panel * width + vector, columns - lanes) + n - vector;
        float half_done[6][3];
        for (int j = 0; j < 3; ++j) {
            float g[3];
            for (int i = 0; i < 3; ++i) g[i] = from[((size_t)o * 9 + i * 3 + j) * channels + c];
            const float outer = (g[0] + g[2]) / 6.0f, far = g[0] / 24.0f + g[2] / 6.0f;
            half_done[0][j] = g[0] / 4.0f;
            half_done[1][j] = -outer - g[1] / 6.0f;
            half_done[2][j] = -outer + g[1] / 6.0f;
            half_done[3][j] = far + g[1] / 12.0f;
            half_done[4][j] = far - g[1] / 12.0f;
            half_done[5][j] = g[2];
        }
        for (int i = 0; i < 6; ++i) {
            const float outer = (half_done[i][0] + half_done[i][2]) / 6.0f, far = half_done[i][0] / 24.0f + half_done[i][2] / 6.0f;
            const float u[6] = {half_done[i][0] / 4.0f,         -outer - half_done[i][1] / 6.0f, -outer + half_done[i][1] / 6.0f,
                                far + half_done[i][1] / 12.0f, far - half_done[i][1] / 12.0f,   half_done[i][2]};
            for (int j = 0; j < 6; ++j) to[(((size_t)(i * 6 + j) * panels + panel) * channels + c) * width + n] = u[j];
        }
    }
}
