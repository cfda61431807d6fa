#include "base/bytes.hpp"

#include "base/error.hpp"

namespace shoal::base {

SharedBytes SharedBytes::slice(std::size_t offset, std::size_t count) const {
    if (offset > size() || count > size() - offset) {
        fail(Code::invalid_argument, "bytes ", offset, " to ", offset, "+", count, " are outside of ", size(),
             " bytes");
    }
    return {owner_, view_.subspan(offset, count)};
}

SharedBytes SharedBytes::copy_of(ByteView bytes) {
    return own({bytes.begin(), bytes.end()});
}

SharedBytes SharedBytes::own(std::vector<std::byte> bytes) {
    auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
    const ByteView view(*owner);
    return {std::move(owner), view};
}

}  // namespace shoal::base
