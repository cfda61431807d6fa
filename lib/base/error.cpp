#include "base/error.hpp"

namespace shoal::base {

std::string_view name(Code code) noexcept {
    switch (code) {
        case Code::invalid_argument: return "invalid argument";
        case Code::invalid_model: return "invalid model";
        case Code::unsupported: return "unsupported";
        case Code::not_found: return "not found";
        case Code::does_not_fit: return "does not fit";
        case Code::refused: return "refused";
        case Code::io: return "input/output";
        case Code::device: return "device";
        case Code::network: return "network";
        case Code::timeout: return "timeout";
        case Code::cancelled: return "cancelled";
        case Code::busy: return "busy";
        case Code::unavailable: return "unavailable";
        case Code::out_of_memory: return "out of memory";
        case Code::internal: return "internal error";
    }
    return "unknown";
}

}  // namespace shoal::base
