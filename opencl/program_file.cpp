#include "opencl/program_file.hpp"

#include <algorithm>
#include <cstring>

#include "base/endian.hpp"

namespace shoal::opencl {
namespace {

constexpr std::size_t kFixed = 88;
constexpr std::array<char, 8> kMagic{'S', 'H', 'O', 'A', 'L', 'C', 'L', 1};
constexpr std::uint32_t kLongestText = 1 << 16;

void append(std::vector<std::byte>& out, base::ByteView bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

base::ByteView view(const std::string& text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

base::Digest digest_at(const std::byte* at) {
    base::Digest out;
    std::memcpy(out.bytes.data(), at, out.bytes.size());
    return out;
}

}  // namespace

std::vector<std::byte> encode(const ProgramFile& file) {
    std::vector<std::byte> out(kFixed);
    std::memcpy(out.data(), kMagic.data(), kMagic.size());
    std::memcpy(out.data() + 8, file.key.bytes.data(), 32);
    std::memcpy(out.data() + 40, base::Digest::of(file.binary.view()).bytes.data(), 32);
    const std::string identity = file.identity.substr(0, kLongestText), name = file.name.substr(0, kLongestText);
    base::store_le(out.data() + 72, static_cast<std::uint32_t>(identity.size()));
    base::store_le(out.data() + 76, static_cast<std::uint32_t>(name.size()));
    base::store_le(out.data() + 80, static_cast<std::uint64_t>(file.binary.size()));
    append(out, view(identity));
    append(out, view(name));
    append(out, file.binary.view());
    return out;
}

std::optional<ProgramFile> decode_program_file(const base::SharedBytes& bytes) {
    if (bytes.size() < kFixed || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) return std::nullopt;
    const auto identity_size = base::load_le<std::uint32_t>(bytes.data() + 72);
    const auto name_size = base::load_le<std::uint32_t>(bytes.data() + 76);
    const auto binary_size = base::load_le<std::uint64_t>(bytes.data() + 80);
    if (identity_size > kLongestText || name_size > kLongestText) return std::nullopt;
    const std::uint64_t rest = bytes.size() - kFixed;
    const std::uint64_t texts = std::uint64_t{identity_size} + name_size;
    if (texts > rest || binary_size != rest - texts) return std::nullopt;
    const char* text = reinterpret_cast<const char*>(bytes.data() + kFixed);
    ProgramFile out{digest_at(bytes.data() + 8),
                    {text, identity_size},
                    {text + identity_size, name_size},
                    bytes.slice(kFixed + identity_size + name_size, static_cast<std::size_t>(binary_size))};
    if (base::Digest::of(out.binary.view()) != digest_at(bytes.data() + 40)) return std::nullopt;
    return out;
}

}  // namespace shoal::opencl
