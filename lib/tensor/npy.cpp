#include "tensor/npy.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/checked.hpp"
#include "base/endian.hpp"

namespace shoal::tensor {

using base::Code;
using base::fail;

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

struct Row {
    ElementType element;
    std::string_view code;
};
constexpr Row kCodes[] = {
    {ElementType::f32, "f4"}, {ElementType::f16, "f2"}, {ElementType::f64, "f8"}, {ElementType::i8, "i1"},
    {ElementType::u8, "u1"},  {ElementType::i16, "i2"}, {ElementType::u16, "u2"}, {ElementType::i32, "i4"},
    {ElementType::u32, "u4"}, {ElementType::i64, "i8"}, {ElementType::u64, "u8"}, {ElementType::boolean, "b1"},
};

struct Header {
    std::string_view text;
    std::size_t data_offset;
};

Header find_header(base::ByteView file, std::string_view name) {
    if (file.size() < 12 || std::memcmp(file.data(), kMagic.data(), kMagic.size()) != 0) {
        fail(Code::invalid_argument, name, ": not a .npy file (", file.size(), " bytes without its magic number)");
    }
    const int major = std::to_integer<int>(file[6]);
    if (major < 1 || major > 3) fail(Code::unsupported, name, ": .npy format version ", major, "; 1 to 3 are known");
    const std::size_t prefix = major == 1 ? 10 : 12;
    const std::size_t length =
        major == 1 ? base::load_le<std::uint16_t>(file.data() + 8) : base::load_le<std::uint32_t>(file.data() + 8);
    if (length > file.size() - prefix) {
        fail(Code::invalid_argument, name, ": the header says ", length, " bytes, the file holds ",
             file.size() - prefix);
    }
    return {{reinterpret_cast<const char*>(file.data() + prefix), length}, prefix + length};
}

// The text after "'key':" in the header's Python dictionary.
std::string_view field(std::string_view header, std::string_view key, std::string_view name) {
    const std::string quoted = base::text("'", key, "'");
    auto at = header.find(quoted);
    if (at != std::string_view::npos) at = header.find(':', at);
    if (at == std::string_view::npos) fail(Code::invalid_argument, name, ": the .npy header has no field ", quoted);
    header.remove_prefix(at + 1);
    const auto start = header.find_first_not_of(' ');
    return start == std::string_view::npos ? std::string_view() : header.substr(start);
}

// Errors about impossible shapes and sizes do not know the file; this adds it.
template <class Make>
auto naming(std::string_view name, Make&& make) {
    try {
        return make();
    } catch (const base::Error& error) {
        fail(error.code(), name, ": ", error.what());
    }
}

ElementType element_of(std::string_view descr, std::string_view name) {
    if (descr.size() >= 5 && (descr[0] == '\'' || descr[0] == '"') && descr[4] == descr[0]) {
        const char order = descr[1];
        const auto code = descr.substr(2, 2);
        for (const auto& row : kCodes) {
            if (row.code == code && (order == '<' || order == '|' || (order == '='))) return row.element;
        }
    }
    fail(Code::unsupported, name, ": .npy element type ", descr.substr(0, descr.find(',')),
         "; little-endian f2 f4 f8, i1 to i8, u1 to u8 and b1 are known");
}

bool is_fortran_order(std::string_view text, std::string_view name) {
    if (text.substr(0, 4) == "True") return true;
    if (text.substr(0, 5) == "False") return false;
    fail(Code::invalid_argument, name, ": the .npy header's fortran_order is neither True nor False");
}

Shape shape_of(std::string_view text, std::string_view name) {
    std::vector<std::int64_t> extents;
    const auto close = text.find(')');
    if (text.empty() || text[0] != '(' || close == std::string_view::npos) {
        fail(Code::invalid_argument, name, ": the .npy header's shape is not a tuple");
    }
    text = text.substr(1, close - 1);
    while (!text.empty()) {
        if (text[0] == ' ' || text[0] == ',') {
            text.remove_prefix(1);
            continue;
        }
        std::int64_t extent = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), extent);
        if (error != std::errc())
            fail(Code::invalid_argument, name, ": '", text, "' in the .npy header's shape is not a number");
        extents.push_back(extent);
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    }
    return naming(name, [&] { return Shape(std::move(extents)); });
}

}  // namespace

Tensor from_npy(const base::SharedBytes& file, std::string_view name) {
    const Header header = find_header(file.view(), name);
    Type type{element_of(field(header.text, "descr", name), name), shape_of(field(header.text, "shape", name), name)};
    if (is_fortran_order(field(header.text, "fortran_order", name), name) && type.shape.rank() > 1) {
        fail(Code::unsupported, name, ": Fortran order; save it with numpy.ascontiguousarray");
    }
    const std::size_t have = file.size() - header.data_offset;
    const std::size_t need = naming(name, [&] { return type.size_bytes(); });
    if (have < need) {
        fail(Code::invalid_argument, name, ": ", to_string(type), " takes ", need, " bytes, the file holds ", have);
    }
    const auto data = file.slice(header.data_offset, need);
    if (reinterpret_cast<std::uintptr_t>(data.data()) % 8 == 0) return {std::move(type), data};
    Tensor copy(std::move(type));
    if (!data.empty()) std::memcpy(copy.edit().data(), data.data(), data.size());
    return copy;
}

std::vector<std::byte> to_npy(const Tensor& tensor) {
    std::optional<std::string_view> code;
    for (const auto& row : kCodes) {
        if (row.element == tensor.element()) code = row.code;
    }
    if (!code) fail(Code::unsupported, ".npy has no element type for ", name(tensor.element()));
    std::string shape = "(";
    for (const auto extent : tensor.shape())
        shape += std::to_string(extent) + ",";
    std::string header = base::text("{'descr': '", bits(tensor.element()) == 8 ? '|' : '<', *code,
                                    "', 'fortran_order': False, 'shape': ", shape, "), }");
    constexpr std::size_t kPrefix = 10, kAlign = 64;  // the format asks that data start at a multiple of 64
    header.resize(base::round_up(kPrefix + header.size() + 1, kAlign) - kPrefix - 1, ' ');
    header += '\n';
    std::vector<std::byte> out(kPrefix + header.size() + tensor.bytes().size());
    std::memcpy(out.data(), kMagic.data(), kMagic.size());
    out[6] = std::byte{1};
    out[7] = std::byte{0};
    base::store_le(out.data() + 8, static_cast<std::uint16_t>(header.size()));
    std::memcpy(out.data() + kPrefix, header.data(), header.size());
    if (!tensor.bytes().empty())
        std::memcpy(out.data() + kPrefix + header.size(), tensor.bytes().data(), tensor.bytes().size());
    return out;
}

}  // namespace shoal::tensor
