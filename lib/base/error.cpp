#include "base/error.hpp"

#include <locale>

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

std::ostringstream plain_output() {
    std::ostringstream out;
    out.imbue(std::locale::classic());
    return out;
}

std::istringstream plain_input(const std::string& text) {
    std::istringstream in(text);
    in.imbue(std::locale::classic());
    return in;
}

}  // namespace shoal::base
