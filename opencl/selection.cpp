#include "opencl/selection.hpp"

#include <map>

#include "base/error.hpp"

namespace shoal::opencl {

using base::Code;
using base::fail;

Wish parse_wish_for_several(const std::string& text) {
    auto out = parse_wish(text);
    if (out.parts > 1 && (out.device == kAll || out.device == kHost))
        fail(Code::invalid_argument, "device ", text, ": parts are of one OpenCL device, e.g. cpu/2");
    return out;
}

std::vector<std::optional<SubDevice>> select(const std::vector<std::string>& wishes, int threads,
                                             const SelectionSource& source) {
    std::vector<std::optional<SubDevice>> out;
    std::map<std::string, std::string> wished;  // by the device's id
    const auto is_new = [&](const std::string& id, const std::string& wish) {
        const auto [at, fresh] = wished.emplace(id, wish);
        if (!fresh && wish != kAll && at->second != kAll)
            fail(Code::invalid_argument, "device: '", at->second, "' and '", wish, "' are the same device, ", id);
        return fresh;
    };
    const auto add = [&](const FoundDevice& device, int parts, const std::string& wish) {
        if (!is_new(device.info.id, wish)) return;
        if (source.before_each) source.before_each();
        for (auto& part : parts_of(device, parts, threads))
            out.emplace_back(std::move(part));
    };
    for (const auto& text : wishes) {
        if (text == kHost) {
            if (is_new(kHost, text)) out.emplace_back(std::nullopt);
            continue;
        }
        const auto wish = parse_wish_for_several(text);
        const Discovery& found = source.found();
        if (wish.device != kAll || found.devices.empty())  // of none, choosing says why
            add(source.choose(found, wish.device == kAll ? kBest : wish.device), wish.parts, text);
        else
            for (const auto& device : found.devices)
                add(device, 1, text);
    }
    return out;
}

}  // namespace shoal::opencl
