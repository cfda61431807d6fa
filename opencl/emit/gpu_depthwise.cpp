// Convolutions of each channel by itself on GPUs.
#include <algorithm>
#include <array>

#include "opencl/codegen/text.hpp"
#include "opencl/emit/geometry.hpp"
#include "opencl/emit/gpu.hpp"
#include "opencl/emit/panels.hpp"

namespace shoal::opencl {
namespace {

using base::ceil_div;

constexpr std::array<std::int64_t, 3> kPatches{4, 2, 1};  // outputs of a work-item

std::string name_of(std::int64_t patch) {
    return base::text("patch-", patch);
}

std::int64_t items_of(const Convolution& c, std::int64_t patch) {
    const std::int64_t width = spatial(c.out, 1, 2);
    return c.out.count() / width * ceil_div(width, patch);
}

// The largest that leaves work for all of a large device.
std::int64_t usual_patch(const Convolution& c) {
    constexpr std::int64_t kManyItems = 16384;
    const auto at = std::find_if(kPatches.begin(), kPatches.end(),
                                 [&](std::int64_t patch) { return items_of(c, patch) >= kManyItems; });
    return at == kPatches.end() ? 1 : *at;
}

}  // namespace

bool is_depthwise_gpu(const Emitter& emitter, const Convolution& c) {
    return is_f32_product(emitter, c.op) && c.window.rank() <= 2 && c.groups == c.x.back() &&
           c.out.back() == c.groups && emitter.graph().is_constant(c.op.inputs[1]);
}

std::vector<std::string> gpu_depthwise_variants(const Convolution& c) {
    const std::int64_t usual = usual_patch(c);
    std::vector<std::string> out{name_of(usual)};
    for (const auto patch : kPatches) {
        if (patch != usual) out.push_back(name_of(patch));
    }
    return out;
}

GroupCode depthwise_gpu(Emitter& emitter, graph::GroupRange range, const Convolution& c,
                        const BoundEpilogue& epilogue) {
    const auto named = std::find_if(kPatches.begin(), kPatches.end(),
                                    [&](std::int64_t patch) { return name_of(patch) == emitter.variant(); });
    const std::int64_t patch = named == kPatches.end() ? usual_patch(c) : *named;
    const std::int64_t channels = c.x.back(), taps = c.window.taps();
    // [channels, taps] becomes [taps, channels]: neighbours read neighbours.
    const Panels panels{taps, channels, 1, 1, taps, channels * taps};
    GroupCode out{range, {}, {}, {epilogue.value}, "depthwise_gpu"};
    const LaunchArgument weights = pack_whole(emitter, out, c.op.inputs[1], panels);
    Defines defines{{"LOCAL", std::to_string(emitter.style().dialect.local_size)}, {"TILE_X", std::to_string(patch)}};
    const auto define = [&](const char* name, const graph::Ints& list) {
        defines.emplace_back(base::text(name, "_Y"), std::to_string(entry(list, 0, 2, 1)));
        defines.emplace_back(base::text(name, "_X"), std::to_string(entry(list, 1, 2, 1)));
    };
    define("KERNEL", c.window.kernel);
    define("STRIDE", c.window.strides);
    define("DILATION", c.window.dilations);
    defines.insert(defines.end(), epilogue.defines.begin(), epilogue.defines.end());
    const std::int64_t items = items_of(c, patch);
    std::vector<LaunchArgument> arguments{BufferArgument{c.op.inputs[0], false},
                                          weights,
                                          BufferArgument{epilogue.value, true},
                                          number(items),
                                          number(channels),
                                          number(spatial(c.x, 0, 2)),
                                          number(spatial(c.x, 1, 2)),
                                          number(spatial(c.out, 0, 2)),
                                          number(spatial(c.out, 1, 2)),
                                          number(entry(c.window.pads_begin, 0, 2, 0)),
                                          number(entry(c.window.pads_begin, 1, 2, 0))};
    append(arguments, epilogue.arguments);
    out.launches.push_back(
        flat_launch(emitter.style(), emitter.instantiate("depthwise_gpu", defines), std::move(arguments), items));
    return out;
}

}  // namespace shoal::opencl
