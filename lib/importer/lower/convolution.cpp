// Convolutions: channels-last in the core language, so transposes stand around them and cancel between them.
#include "importer/lower/convolution.hpp"
#include "graph/cards.hpp"
#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"

namespace shoal::importer {

Convolution convolution_of(Context& c, int x, int w, bool last) {
    const Shape input = c.shape(x), weights = c.shape(w);
    c.expect(input.rank() >= 3 && weights.rank() == input.rank(), "x is ", input, ", weights are ", weights);
    const Ints kernel = spatial_extents(weights);
    c.expect(c.ints("kernel_shape", kernel) == kernel, "kernel_shape does not fit weights ", weights);
    const Ints extents = last ? Ints(input.begin() + 1, input.end() - 1) : spatial_extents(input);
    return {spatial_window(c, extents, kernel), c.integer("group", 1)};
}

ValueId convolved(Builder& b, const Convolution& conv, ValueId x, ValueId w) {
    return b.add(graph::cards::conv, {x, w}, conv.window.attrs().set("groups", conv.groups))[0];
}

namespace {

Values conv(Context& c) {
    Builder& b = c.builder();
    const Convolution convolution = convolution_of(c, 0, 1);
    ValueId out = convolved(b, convolution, channels_last(b, c.in(0)), channels_last(b, c.in(1)));
    if (c.has(2)) {
        c.expect(c.shape(2) == Shape{c.shape(1)[0]}, "bias is ", c.type(2), " for ", c.shape(1)[0], " channels");
        out = add(b, out, c.in(2));
    }
    return {channels_first(b, out)};
}

const Row kRows[] = {
    {"", "Conv", 1, 0, conv},
};

}  // namespace

namespace families {
const Family convolution{kRows};
}

}  // namespace shoal::importer
