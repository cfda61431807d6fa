#include "device/device.hpp"

namespace shoal::device {

std::string_view name(Kind kind) noexcept {
    switch (kind) {
        case Kind::cpu: return "CPU";
        case Kind::gpu: return "GPU";
        case Kind::accelerator: return "accelerator";
        case Kind::custom: return "custom";
        case Kind::host: return "host";
    }
    return "?";
}

}  // namespace shoal::device
